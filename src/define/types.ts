import type { Axes, SourceLocation } from '../model/task.ts';

/** A value, or a function of the version. The function gets the string of a plain list, or the typed cell of a matrix. */
export type PerVersion<V, T> = T | ((version: V) => T);

/** A cell of a matrix: its version, and its value on each axis. */
export interface VersionCell<A extends Axes = Axes> {
  readonly version: string;
  readonly axes: A;
}

/** The result of `matrix()`, for the field `versions`. */
export interface Matrix<A extends Axes = Axes> {
  readonly [matrixBrand]: true;
  readonly cells: readonly VersionCell<A>[];
}

export const matrixBrand: unique symbol = Symbol.for('image-tasks.matrix') as never;
export const definitionBrand: unique symbol = Symbol.for('image-tasks.definition') as never;
export const referenceBrand: unique symbol = Symbol.for('image-tasks.reference') as never;

/** A reference to one task of a definition, `base.at('bookworm')`, or to several, `libs.all({ pg: '17' })`. */
export interface Reference {
  readonly [referenceBrand]: 'at' | 'all';
  readonly definition: Definition;
  /** A version, or values on axes; undefined for all tasks. */
  readonly match: string | Axes | undefined;
}

/** A value in `needs` or `after`. */
export type NeedTarget = Definition | Reference;
export type Needs<V> = Readonly<Record<string, NeedTarget | ((version: V) => NeedTarget)>>;

/** The fields that images and commands share. */
export interface CommonFields<V> {
  /** The name: lowercase letters and digits, with `.`, `_`, `-` or `/` between them. */
  readonly name: string;
  /** What the task is for. `tasks list`, shell completion and the graph page show it. */
  readonly description?: PerVersion<V, string>;
  /**
   * The tasks that this task uses, by name. The name is an ARG of the Dockerfile, an image as the Dockerfile names it
   * (`'cimg/postgres:18.3'`), or, for a task that creates files, the folder of these files. In FROM, `COPY --from` or a
   * mount, an ARG must be the whole image name.
   *
   * @example needs: { BASE_IMAGE: base }                         // ARG BASE_IMAGE: the version that matches
   * @example needs: { 'cimg/postgres:18.3': postgres }           // FROM cimg/postgres:18.3
   * @example needs: (c) => ({ BASE_IMAGE: base.at(c.distro) })   // one version, by the axes of a matrix
   * @example needs: { libs: libs.all({ pg: '17' }) }             // files, as the folders libs/<version>/
   */
  readonly needs?: PerVersion<V, Needs<V>>;
  /**
   * Tasks that run before this one if both are in the plan. They are not needs: they do not affect the plan or the key.
   *
   * @example after: [database]
   */
  readonly after?: readonly (NeedTarget | ((version: V) => NeedTarget))[];
  /** The maximum duration of the build or run, and of the test: `90s`, `30m`, `2h`. Default: no limit. */
  readonly timeout?: PerVersion<V, string>;
  /** The number of retries after network errors, 0 to 10. Default: 0. */
  readonly retries?: PerVersion<V, number>;
  /** True: a failure is reported and blocks dependents, but does not change the exit code. Default: false. */
  readonly allowFailure?: PerVersion<V, boolean>;
  /**
   * The sources of secrets, by id. A RUN instruction uses a secret with `--mount=type=secret,id=…`. A command gets an
   * environment variable with the name of the id, which contains the value, or the path of the file. Secrets are never part
   * of keys, records or logs.
   *
   * @example secrets: { npm_token: { env: 'NPM_TOKEN' }, pip: { file: 'pip.conf' } }
   */
  readonly secrets?: PerVersion<
    V,
    Readonly<Record<string, { readonly env: string } | { readonly file: string }>>
  >;
  /**
   * The maximum age of the result: `12h`, `7d`. The task is rebuilt without BuildKit's cache in each period of this length.
   * Periods start at 1970-01-01 UTC.
   */
  readonly maxAge?: PerVersion<V, string>;
}

/**
 * The fields of `image()`. All of them may be functions of the version, except for `name`, `versions` and the list of
 * `after`.
 */
export interface ImageFields<V> extends CommonFields<V> {
  /**
   * The build context, relative to the project root.
   *
   * @example context: (version) => `images/${version}`
   */
  readonly context: PerVersion<V, string>;
  /**
   * The Dockerfile, relative to the project root, or its text: `{ text: '…' }`. A text counts as a file with that text does.
   * Default: `<context>/Dockerfile`.
   *
   * @example dockerfile: (version) => ({ text: `FROM debian:${version}\nRUN apt-get update && apt-get install -y curl\n` })
   */
  readonly dockerfile?: PerVersion<V, string | { readonly text: string }>;
  /** The stage to build. Default: the last one. */
  readonly target?: PerVersion<V, string | undefined>;
  /**
   * Build args. The test gets them as environment variables.
   *
   * @example args: (version) => ({ PG_VERSION: version })
   */
  readonly args?: PerVersion<V, Readonly<Record<string, string>>>;
  /** Labels of the image. They are part of the key: an image with another label is another image. */
  readonly labels?: PerVersion<V, Readonly<Record<string, string>>>;
  /**
   * Labels that the image gets when it is built, and that are not part of the key, such as
   * `org.opencontainers.image.revision` and `org.opencontainers.image.created`. An image that is up to date keeps the labels that
   * it was built with.
   *
   * @example volatileLabels: { 'org.opencontainers.image.revision': process.env.GITHUB_SHA ?? 'unknown' }
   */
  readonly volatileLabels?: PerVersion<V, Readonly<Record<string, string>>>;
  /**
   * Attestations that the image gets when a builder builds it: `provenance` says how it was built (`max` with the values of all build
   * args), `sbom` what it contains, by the scanner of BuildKit (`true`) or another scanner image. They are not part of the key. A
   * docker engine makes none.
   *
   * @example attest: { provenance: 'min', sbom: true }
   */
  readonly attest?: PerVersion<
    V,
    { readonly provenance?: 'min' | 'max' | undefined; readonly sbom?: true | string | undefined }
  >;
  /**
   * Annotations that the manifest of the image gets when a builder builds it. They are not part of the key. A docker engine sets none.
   *
   * @example annotations: { 'org.opencontainers.image.description': 'PostgreSQL with extensions' }
   */
  readonly annotations?: PerVersion<V, Readonly<Record<string, string>>>;
  /** The network of RUN instructions, as for `docker build --network`: `default`, `none` or `host`. Default: `default`. */
  readonly network?: PerVersion<V, string>;
  /**
   * More build contexts, by the name that the Dockerfile uses in FROM, `COPY --from` or a mount: a folder relative to the project
   * root, which may have a `.dockerignore`; an image, `docker-image://alpine:3.20`; or a git address,
   * `https://host/repo.git#commit`. A context replaces the image or the stage of its name. Needs docker 23.
   *
   * @example contexts: { assets: 'assets', base: 'docker-image://alpine:3.20' }
   */
  readonly contexts?: PerVersion<V, Readonly<Record<string, string>>>;
  /** Host names for RUN instructions, as `name:address`: `db:10.0.0.1`. */
  readonly addHosts?: PerVersion<V, readonly string[]>;
  /** The size of `/dev/shm` for RUN instructions: `64m`, `1g`. Needs docker 23. */
  readonly shmSize?: PerVersion<V, string>;
  /** Limits of processes of RUN instructions, as `name=soft:hard` or `name=both`: `nofile=1024:2048`. Needs docker 23. */
  readonly ulimits?: PerVersion<V, readonly string[]>;
  /** The parent cgroup of RUN instructions. It does not affect the key. Needs docker 23. */
  readonly cgroupParent?: PerVersion<V, string>;
  /**
   * What RUN instructions may ask for: `security.insecure` (`RUN --security=insecure`) or `network.host` (`RUN --network=host`).
   * The engine must allow it, too.
   */
  readonly allow?: PerVersion<V, readonly ('network.host' | 'security.insecure')[]>;
  /**
   * SSH agents for `RUN --mount=type=ssh`, by id; `default` is the id of a mount without one. `{ agent: true }` is the agent of
   * SSH_AUTH_SOCK. `{ key: 'path' }` is an agent with this private key only, which must have no passphrase. Keys contain only the
   * ids.
   */
  readonly ssh?: PerVersion<V, Readonly<Record<string, { readonly agent: true } | { readonly key: string }>>>;
  /**
   * The platforms, such as `['linux/amd64', 'linux/arm64']`: one task each, with an id such as `ext:17@linux/arm64` if there are
   * several. A release makes one index of them. Default: Linux on the architecture of this machine.
   */
  readonly platforms?: PerVersion<V, readonly string[]>;
  /**
   * A script, or a folder with an executable `run`, relative to the project root. It runs in a container of the image.
   *
   * @example test: 'images/postgres/test.sh'
   */
  readonly test?: PerVersion<V, string | undefined>;
  /** Default: true. False: an internal image, which never gets a run tag or a release tag. */
  readonly publish?: PerVersion<V, boolean>;
  /**
   * The tags of the image, without its name and the suffix of the run. Default: the version.
   *
   * @example tags: (version) => [version, `${version}-slim`]
   */
  readonly tags?: PerVersion<V, readonly string[]>;
  /**
   * Moving tags that a release also sets, such as `16` for 16.13. They never move back to an older version.
   *
   * @example aliases: (version) => [version.split('.')[0]!]
   */
  readonly aliases?: PerVersion<V, readonly string[]>;
  /** `files`: the task exports the file system of the build as output files, like those of a command. Default: `image`. */
  readonly output?: PerVersion<V, 'image' | 'files'>;
}

/** The fields of `command()`. */
export interface CommandFields<V> extends CommonFields<V> {
  /**
   * The program and its arguments, without a shell. A program with a slash is relative to the project root, which is also the
   * working directory.
   *
   * @example run: ['images/debian/make-rootfs.sh', 'bookworm']   // a script of the project; it writes to $TASKS_OUT
   * @example run: (version) => ['scripts/fetch-source.sh', version]   // runs in the project root
   */
  readonly run: PerVersion<V, readonly [string, ...string[]]>;
  /**
   * Globs, relative to the project root. The content of the files that they match is part of the key.
   *
   * @example inputs: ['scripts/make.sh', 'patches/*.patch']
   */
  readonly inputs?: PerVersion<V, readonly string[]>;
  /** Names of environment variables that the command gets. Their values are part of the key. */
  readonly env?: PerVersion<V, readonly string[]>;
  /**
   * Runs the command once for each of these platforms, with `TASKS_PLATFORM` in its environment. Default: it runs once, and its
   * files serve every platform.
   */
  readonly platforms?: PerVersion<V, readonly string[]>;
}

type WithVersions<F, V> = F & {
  /**
   * The versions, one task per version: a list of strings, or `matrix()`. Default: a single version, `latest`.
   *
   * @example versions: ['16.13', '17.9']
   */
  readonly versions?: V;
};
export type ImageInput<V, L> = WithVersions<ImageFields<V>, L>;
export type CommandInput<V, L> = WithVersions<CommandFields<V>, L>;

/** The result of `image()` and `command()`. Its fields are checked later, when tasks creates the graph. */
export interface Definition {
  readonly [definitionBrand]: 'image' | 'command';
  readonly fields: Readonly<Record<string, unknown>>;
  /**
   * Returns a reference to the task of one version: a version string, a cell of a matrix, or values on enough axes to
   * identify one.
   */
  at(version: string | Axes): Reference;
  /**
   * Returns a reference to all tasks, or to those with these values on axes. Only for files, which appear as
   * `<name>/<version>/…`.
   */
  all(filter?: Axes): Reference;
}

/** The result of `project()`. */
export interface ProjectDefinition {
  readonly [projectBrand]: true;
  readonly fields: Readonly<Record<string, unknown>>;
}
export const projectBrand: unique symbol = Symbol.for('image-tasks.project') as never;

/** The fields of `project()`. */
export interface ProjectFields {
  /**
   * The prefix of all image names, such as `citus` or `registry.example/team`. Default: `local`; `tasks push` needs another
   * one.
   */
  readonly repo?: string;
  /** A single repository for all content tags, such as `citus/build-cache`. Default: the repository of each image. */
  readonly cacheRepo?: string;
  /**
   * What builds in place of the docker engine: the name of a builder of buildx, or the address of a BuildKit, such as
   * `tcp://build.example:1234`. Its images live in the registry alone. `--builder` and `TASKS_BUILDER` take precedence.
   */
  readonly builder?: string;
  /**
   * A repository that the nodes of a builder keep their build caches in, such as `registry.example/team/build-cache`: for nodes that
   * lose their disks. It has one tag for each version and platform, which each build replaces. It is in no key, and a docker engine
   * does not use it.
   */
  readonly cacheTo?: string;
  /**
   * Labels that every image gets when it is built, and that are not part of any key. Labels of an image with the same names take
   * precedence.
   *
   * @example volatileLabels: { 'org.opencontainers.image.created': new Date().toISOString() }
   */
  readonly volatileLabels?: Readonly<Record<string, string>>;
  /**
   * The profiles that the definitions know besides `default`. Another `--profile` is then an error. Default: any profile is
   * accepted.
   */
  readonly profiles?: readonly string[];
}

/** A definition, and where it was found. */
export interface Declared {
  readonly definition: Definition;
  readonly where: SourceLocation;
}

/** All declarations in the definition files of a project. */
export interface Declarations {
  readonly definitions: readonly Declared[];
  readonly projects: readonly { readonly project: ProjectDefinition; readonly where: SourceLocation }[];
}
