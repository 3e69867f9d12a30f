// What differs between the profiles. Everything else is shared.
import type { Definition } from 'image-tasks';

/** The base can depend on the purpose of an image: building extensions, or running tests in Python. */
export type Purpose = 'build' | 'test';

/** One installation of PostgreSQL, alone or several side by side. */
export interface Installation {
  /** Oldest first. */
  readonly versions: readonly string[];
  readonly base: string;
  /** Lines for apt in addition to those of the base. `suite NAME`: another suite of the archive of the base. */
  readonly sources: readonly string[];
  readonly debugSymbols: boolean;
}

export interface Platform {
  /** Definitions that only this profile has. */
  readonly own: readonly Definition[];
  /** The names of the bases of all images. */
  readonly bases: readonly string[];
  /** How the image `apt` is built on a base. */
  readonly apt: {
    readonly target: string;
    readonly args: (base: string) => Readonly<Record<string, string>>;
    readonly needs: Readonly<Record<string, Definition>>;
  };
  /** The versions of PostgreSQL that images are published for, oldest first. */
  readonly postgres: readonly string[];
  /** The installations, by name. */
  readonly installations: Readonly<Record<string, Installation>>;
  /** Returns the name of the installation of one version, or of all versions side by side. */
  readonly installation: (purpose: Purpose, version: string) => string;
  /** Returns the definition of PostgreSQL's source: a folder with postgresql.tar.bz2 per version. */
  readonly postgresSource: (apt: Definition) => Definition;
  /** How the Python requirements of tests are built. */
  readonly requirements: {
    readonly base: string;
    readonly target: string;
    readonly args: Readonly<Record<string, string>>;
    readonly needs: Readonly<Record<string, Definition>>;
  };
  /** Returns the versions of Citus for a major version of PostgreSQL, oldest first; none without Citus. */
  readonly citus: (major: string) => readonly string[];
  /** How stylechecker is built. Without a base it is built on the image that an arg names. */
  readonly style: {
    readonly version: string;
    readonly base: string | undefined;
    readonly target: string;
    readonly hasCitusTools: boolean;
    readonly args: Readonly<Record<string, string>>;
    readonly needs: Readonly<Record<string, Definition>>;
  };
}
