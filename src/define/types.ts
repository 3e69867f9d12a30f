import type { Axes, SourceLocation } from '../model/task.ts';

/** What functions of the version get: the string of a plain list, or the typed cell of a matrix. */
export type PerVersion<V, T> = T | ((version: V) => T);

/** One cell of a matrix: its version and its value on each axis. */
export interface VersionCell<A extends Axes = Axes> {
  readonly version: string;
  readonly axes: A;
}

/** What `matrix()` returns, for the field `versions`. */
export interface Matrix<A extends Axes = Axes> {
  readonly [matrixBrand]: true;
  readonly cells: readonly VersionCell<A>[];
}

export const matrixBrand: unique symbol = Symbol.for('image-tasks.matrix') as never;
export const definitionBrand: unique symbol = Symbol.for('image-tasks.definition') as never;
export const referenceBrand: unique symbol = Symbol.for('image-tasks.reference') as never;

/** One task of a definition, `base.at('bookworm')`, or several, `libs.all({ pg: '17' })`. */
export interface Reference {
  readonly [referenceBrand]: 'at' | 'all';
  readonly definition: Definition;
  /** A version, or values on axes. */
  readonly match: string | Axes | undefined;
}

/** What may stand in `needs` and `after`. */
export type NeedTarget = Definition | Reference;
export type Needs<V> = Readonly<Record<string, NeedTarget | ((version: V) => NeedTarget)>>;

/** Fields that images and commands share. */
export interface CommonFields<V> {
  /** Lower case letters, digits and `. _ - /` as registries accept them. */
  readonly name: string;
  readonly description?: PerVersion<V, string>;
  /**
   * By name: an ARG of the Dockerfile, an image as the Dockerfile names it (`'cimg/postgres:18.3'`), or the folder of needed
   * files. An ARG must be a whole name in FROM, `COPY --from` or a mount.
   */
  readonly needs?: PerVersion<V, Needs<V>>;
  /** Order only, if both are planned: adds nothing, no key. */
  readonly after?: readonly (NeedTarget | ((version: V) => NeedTarget))[];
  /** `90s`, `30m`, `2h`. */
  readonly timeout?: PerVersion<V, string>;
  /** How often it is tried again after failures of the network, 0 to 10. */
  readonly retries?: PerVersion<V, number>;
  /** True: its failure is reported and blocks its dependents, not the exit code. */
  readonly allowFailure?: PerVersion<V, boolean>;
  /**
   * By id: where the value is. An image's RUN gets it by `--mount=type=secret,id=…`; a command gets a variable of that name,
   * which holds the value, or a file's path. Never in key, record or log.
   */
  readonly secrets?: PerVersion<
    V,
    Readonly<Record<string, { readonly env: string } | { readonly file: string }>>
  >;
  /** `7d`: made anew in each such period, counted from 1970 in UTC. */
  readonly maxAge?: PerVersion<V, string>;
}

/** The fields of `image()`. All but name, versions and the list of `after` may be functions of the version. */
export interface ImageFields<V> extends CommonFields<V> {
  /** The build context, relative to the project root. */
  readonly context: PerVersion<V, string>;
  /** Default: `<context>/Dockerfile`. */
  readonly dockerfile?: PerVersion<V, string>;
  readonly target?: PerVersion<V, string | undefined>;
  readonly args?: PerVersion<V, Readonly<Record<string, string>>>;
  readonly labels?: PerVersion<V, Readonly<Record<string, string>>>;
  readonly network?: PerVersion<V, string>;
  /** Default: linux on this machine's architecture. */
  readonly platforms?: PerVersion<V, readonly string[]>;
  /** A script, or a folder with an executable `run`. */
  readonly test?: PerVersion<V, string | undefined>;
  /** Default true. False: an internal image, never given a dev or release tag. */
  readonly publish?: PerVersion<V, boolean>;
  /** What stands after the colon; default: the version. */
  readonly tags?: PerVersion<V, readonly string[]>;
  /** Moving tags that a release sets too, `16` for 16.13; they never go back to an older version. */
  readonly aliases?: PerVersion<V, readonly string[]>;
  /** `files`: the build's file system is exported as files, like a command's. */
  readonly output?: PerVersion<V, 'image' | 'files'>;
}

/** The fields of `command()`. */
export interface CommandFields<V> extends CommonFields<V> {
  /** argv, no shell. An argv[0] with a slash is relative to the project root, which is the working directory. */
  readonly run: PerVersion<V, readonly [string, ...string[]]>;
  /** Globs relative to the project root; the content of what they match counts. */
  readonly inputs?: PerVersion<V, readonly string[]>;
  /** Names of environment variables: passed and keyed. */
  readonly env?: PerVersion<V, readonly string[]>;
}

type WithVersions<F, V> = F & { readonly versions?: V };
export type ImageInput<V, L> = WithVersions<ImageFields<V>, L>;
export type CommandInput<V, L> = WithVersions<CommandFields<V>, L>;

/** What `image()` and `command()` return. Its fields are kept as they were written and checked when the graph is made. */
export interface Definition {
  readonly [definitionBrand]: 'image' | 'command';
  readonly fields: Readonly<Record<string, unknown>>;
  /** The task of one version: the version's text, or a cell (a matrix's typed cell, or values on enough of its axes). */
  at(version: string | Axes): Reference;
  /** All tasks, or those with the given values on axes, as `<name>/<version>/…`; files only. */
  all(filter?: Axes): Reference;
}

/** What `project()` returns. */
export interface ProjectDefinition {
  readonly [projectBrand]: true;
  readonly fields: Readonly<Record<string, unknown>>;
}
export const projectBrand: unique symbol = Symbol.for('image-tasks.project') as never;

/** The fields of `project()`. */
export interface ProjectFields {
  /** The repository that names are put under, `citus` or `registry.example/team`. */
  readonly repo?: string;
  /** One repository for all content tags, `citus/build-cache`. */
  readonly cacheRepo?: string;
}

/** A definition as it was found in a definitions file. */
export interface Declared {
  readonly definition: Definition;
  readonly where: SourceLocation;
}

/** Everything that the definition files of a project declare. */
export interface Declarations {
  readonly definitions: readonly Declared[];
  readonly projects: readonly { readonly project: ProjectDefinition; readonly where: SourceLocation }[];
}
