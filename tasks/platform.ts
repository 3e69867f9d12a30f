// What may differ between the profiles. Everything else is shared.
import type { Definition } from 'image-tasks';

/** What an image is for can decide its base: extensions are built on one, tests in Python run on the other. */
export type Purpose = 'build' | 'test';

/** One installation of PostgreSQL, alone or several side by side. */
export interface Installation {
  /** Oldest first. */
  readonly versions: readonly string[];
  readonly base: string;
  /** Lines for apt, besides those that the base has; `suite NAME`: another suite of the base's own archive. */
  readonly sources: readonly string[];
  readonly debugSymbols: boolean;
}

export interface Platform {
  /** Definitions that only this profile has. */
  readonly own: readonly Definition[];
  /** The names of the bases that everything stands on. */
  readonly bases: readonly string[];
  /** How the image `apt` is made on a base. */
  readonly apt: {
    readonly target: string;
    readonly args: (base: string) => Readonly<Record<string, string>>;
    readonly needs: Readonly<Record<string, Definition>>;
  };
  /** PostgreSQL versions that images are published for, oldest first. */
  readonly postgres: readonly string[];
  /** What is installed, by name. */
  readonly installations: Readonly<Record<string, Installation>>;
  /** The name of the installation of one version, or of all side by side. */
  readonly installation: (purpose: Purpose, version: string) => string;
  /** PostgreSQL's source: for each version a folder with postgresql.tar.bz2. */
  readonly postgresSource: (apt: Definition) => Definition;
  /** How the Python requirements of tests are made. */
  readonly requirements: {
    readonly base: string;
    readonly target: string;
    readonly args: Readonly<Record<string, string>>;
    readonly needs: Readonly<Record<string, Definition>>;
  };
  /** Versions of Citus for a PostgreSQL major, oldest first; none where Citus is left out. */
  readonly citus: (major: string) => readonly string[];
  /** How stylechecker is made; without a base it stands on the image that args name. */
  readonly style: {
    readonly version: string;
    readonly base: string | undefined;
    readonly target: string;
    readonly hasCitusTools: boolean;
    readonly args: Readonly<Record<string, string>>;
    readonly needs: Readonly<Record<string, Definition>>;
  };
}
