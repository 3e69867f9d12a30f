import type { SourcePlace } from './errors.ts';
import type { Key } from './record.ts';
import type { ContextSource, TaskId } from './task.ts';

/** A path as read from disk. `digest` is the SHA-256 of the file's bytes in hex. */
export type FileEntry =
  | {
      readonly path: string;
      readonly type: 'file';
      readonly executable: boolean;
      readonly size: number;
      readonly digest: string;
    }
  | { readonly path: string; readonly type: 'dir' }
  | { readonly path: string; readonly type: 'fifo' }
  | {
      readonly path: string;
      readonly type: 'link';
      readonly target: string;
      /** The entry that the link finally points to. Set only where links are followed: in the inputs of commands. */
      readonly resolved?: FileEntry;
    };

/** The inputs of an image task: the visible part of the context, the Dockerfile, and external images. */
export interface ObservedImage {
  readonly kind: 'image';
  /** Sorted by path; every directory has an entry. Paths are relative to the context and use `/`. */
  readonly context: readonly FileEntry[];
  /** The named contexts, in order of their names. */
  readonly contexts?: readonly ObservedContext[];
  readonly dockerfile: ObservedDockerfile;
  /**
   * Build args that the builder adds (proxies) and the Dockerfile declares. They are keyed like the task's own args, which take
   * precedence.
   */
  readonly builderArgs?: Readonly<Record<string, string>>;
  /** The platforms, other than that of this machine, for which RUN instructions run programs. */
  readonly foreignRuns?: readonly string[];
  /** The platform that the build runs on, if its Dockerfile may depend on that. */
  readonly buildPlatform?: string;
  /**
   * The instructions that affect the result. Undefined if the Dockerfile is not fully understood: then all its bytes are keyed.
   */
  readonly reachable?: ReachableInstructions;
  /** Why the Dockerfile is not fully understood, for people. */
  readonly vague: readonly string[];
  /** The features of the Dockerfile that not every frontend has, by name, with their lines. */
  readonly features?: readonly { readonly name: string; readonly line: number }[];
  /** The image of the frontend that the Dockerfile selects; undefined for the engine's own. */
  readonly frontend?: string;
  /** True: the engine's own frontend reads the Dockerfile, because it has no syntax line. */
  readonly usesEngineFrontend?: boolean;
  /** External images that the build starts from or copies from. */
  readonly bases: readonly ObservedBase[];
  /** Where the Dockerfile names images of needed tasks. The build gets tags of these images instead. */
  readonly neededImages?: readonly ObservedNeed[];
  /** What can change although no input changes: unpinned base images, downloads without a checksum. */
  readonly impure: readonly UnpinnedInput[];
  /** What instructions fetch without a pinned version; for `tasks reproduce`. */
  readonly unpinnedFetches: readonly {
    readonly line: number;
    readonly what: string;
    readonly text: string;
  }[];
  /** Files in the context that are probably unintended, such as a `.git` folder, and what to do about them; for people. */
  readonly suspect: readonly string[];
  /** Why a build would fail; undefined if nothing is known. */
  readonly blocks?: readonly BuildBlock[];
  /** Why the test of the image cannot run; undefined if nothing is known. */
  readonly brokenTest?: string;
  /** The number of the current `maxAge` period, if the task has a `maxAge`. */
  readonly period?: number;
}

/** Why a task cannot succeed, whatever is done. */
export interface BuildBlock {
  readonly code: 'missing-file' | 'not-executable';
  readonly message: string;
  /** What to do, or what was probably meant. */
  readonly hint?: string;
  /** The instruction of the Dockerfile. */
  readonly place?: SourcePlace;
}

/** Returns why a task cannot succeed, in one line. */
export function describeBlock({ message, hint, place }: BuildBlock): string {
  const where = place === undefined ? '' : `${place.file}:${place.line}: `;
  return `${where}${message}${hint === undefined ? '' : `; ${hint}`}`;
}

/** A named context of a build. */
export interface ObservedContext {
  readonly name: string;
  readonly source: ContextSource;
  /** False if nothing that the target depends on reads it. */
  readonly isUsed: boolean;
  /** The part of a folder that the build can see, like `context`; empty for other sources. Paths are relative to the folder. */
  readonly entries: readonly FileEntry[];
}

/** An external image that an instruction or a named context names. */
export interface ObservedBase {
  /** With variables replaced. */
  readonly reference: string;
  /** For example `linux/amd64`; `any` if only the build knows the platform. */
  readonly platform: string;
  readonly line: number;
  /** The digest from the lock file, which the build uses. Undefined: the build uses the name. */
  readonly digest?: string;
  /** The named context that is this image. The instruction contains that name. */
  readonly context?: string;
}

/** The image of a needed task that an instruction or a named context names. */
export interface ObservedNeed {
  readonly task: TaskId;
  readonly line: number;
  /** The name as written in the instruction. */
  readonly written: string;
  /** See `ObservedBase`. */
  readonly context?: string;
}

/** An image that a Dockerfile names, with variables replaced. */
export interface ImageName {
  readonly reference: string;
  readonly place: 'FROM' | 'COPY --from' | 'RUN --mount' | 'contexts';
  /** The platform for which it is used: `any` if only the build knows it, undefined for that of the task. */
  readonly platform?: string;
  /** True if it is not an image name but the build arg of a need. */
  readonly isNeed?: true;
  /** True if the Dockerfile also declares an ARG of this name. */
  readonly isArg?: true;
}

export interface ObservedDockerfile {
  /** The absolute path of its file; its name, if the definition contains it. */
  readonly source: string;
  /** Its text, if the definition contains it. */
  readonly text?: string;
  readonly digest: string;
}

/** The instructions that a target depends on, and the build args that they declare or use. */
export interface ReachableInstructions {
  readonly steps: readonly { readonly name: string; readonly line: number; readonly text: string }[];
  readonly args: readonly string[];
}

/** The inputs of a command task. */
export interface ObservedCommand {
  readonly kind: 'command';
  /** The file of argv[0] if argv[0] contains a slash. */
  readonly program?: FileEntry;
  readonly inputs: readonly FileEntry[];
  /** Null means not set. */
  readonly env: Readonly<Record<string, string | null>>;
  /** The OS and architecture, `linux/x64`. */
  readonly machine: string;
  /** Why the command would fail; undefined if nothing is known. */
  readonly blocks?: readonly BuildBlock[];
  /** The number of the current `maxAge` period, if the task has a `maxAge`. */
  readonly period?: number;
}

/** A task whose inputs could not be read. Its step is `blocked`. */
export interface ObservedProblem {
  readonly kind: 'problem';
  readonly code: string;
  readonly detail: string;
}

/** A task that has not changed since it was last observed. Its key is known; its inputs were not read again. */
export interface ObservedUnchanged extends ObservationNotes {
  readonly kind: 'before';
  readonly key: Key;
}

/** An external input whose content can change although the project does not change. */
export interface UnpinnedInput {
  readonly kind: 'image' | 'download';
  /** The image or the URL. */
  readonly source: string;
  /** What is not pinned, and where; for people. */
  readonly detail: string;
}

/** Notes on a task's inputs, for people. They are not part of the key. */
export interface ObservationNotes {
  readonly vague: readonly string[];
  readonly impure: readonly UnpinnedInput[];
  readonly suspect: readonly string[];
}

export type Observed = ObservedImage | ObservedCommand | ObservedProblem | ObservedUnchanged;
export type Observations = ReadonlyMap<TaskId, Observed>;
