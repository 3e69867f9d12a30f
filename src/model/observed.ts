import type { Key } from './record.ts';
import type { TaskId } from './task.ts';

/** One path as it was read from disk. `digest` is the SHA-256 of a file's bytes in hex. */
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
      /** What it leads to in the end, where links are followed: in the inputs of commands. */
      readonly resolved?: FileEntry;
    };

/** What an image task reads: what its build can see of the context, its Dockerfile, and what it takes from outside. */
export interface ObservedImage {
  readonly kind: 'image';
  /** Sorted by path; every directory has an entry. Paths are relative to the context, with `/`. */
  readonly context: readonly FileEntry[];
  readonly dockerfile: ObservedDockerfile;
  /** Build args that the builder adds (proxies) and the Dockerfile declares: they count as the task's own do, which win. */
  readonly builderArgs?: Readonly<Record<string, string>>;
  /** What of the Dockerfile counts; undefined where it is not understood exactly: then every byte of it does. */
  readonly reachable?: ReachableInstructions;
  /** Why it is not, in words. */
  readonly vague: readonly string[];
  /** The first form that needs docker 23 or newer, in words, and where it stands. */
  readonly newSyntax?: { readonly what: string; readonly line: number };
  /** Images from outside that the build stands on or copies from, needed images left out. */
  readonly bases: readonly ObservedBase[];
  /** Where the Dockerfile names images of needed tasks: what is built takes them by their own tags. */
  readonly needed?: readonly ObservedNeed[];
  /** What can change without any of our inputs changing: unpinned bases, downloads without a checksum. */
  readonly impure: readonly string[];
  /** What instructions fetch without saying which version; for `audit`. */
  readonly unpinnedFetches: readonly {
    readonly line: number;
    readonly what: string;
    readonly text: string;
  }[];
  /** What of the context is hardly meant to be there, or to be what it is; in words, with what to do. */
  readonly suspect: readonly string[];
  /** The number of the `maxAge` period that it is now, where there is one. */
  readonly period?: number;
}

/** An image from outside, where an instruction names it. */
export interface ObservedBase {
  /** Variables replaced. */
  readonly reference: string;
  /** `linux/amd64`, or `any` where only the build knows. */
  readonly platform: string;
  readonly line: number;
  /** What the lock file pins it to: the build uses that. Undefined: the name as it is. */
  readonly digest?: string;
}

/** The image of a needed task, where an instruction names it. */
export interface ObservedNeed {
  readonly task: TaskId;
  readonly line: number;
  /** As it is written there. */
  readonly written: string;
}

/** An image that a Dockerfile names, variables replaced. */
export interface ImageName {
  readonly reference: string;
  readonly place: 'FROM' | 'COPY --from' | 'RUN --mount';
  /** True: the Dockerfile also declares an ARG of this name. */
  readonly isArg?: true;
}

export interface ObservedDockerfile {
  /** Absolute path. */
  readonly source: string;
  readonly digest: string;
}

/** The instructions that a target sees, and the build args that they declare or stand on. */
export interface ReachableInstructions {
  readonly steps: readonly { readonly name: string; readonly line: number; readonly text: string }[];
  readonly args: readonly string[];
}

/** What a command task reads. */
export interface ObservedCommand {
  readonly kind: 'command';
  /** argv[0]'s file, where it has a slash. */
  readonly program?: FileEntry;
  readonly inputs: readonly FileEntry[];
  /** null: not set. */
  readonly env: Readonly<Record<string, string | null>>;
  /** OS and architecture, `linux/x64`. */
  readonly machine: string;
  /** The number of the `maxAge` period that it is now, where there is one. */
  readonly period?: number;
}

/** A task whose inputs could not be read: it is planned as blocked. */
export interface ObservedProblem {
  readonly kind: 'problem';
  readonly code: string;
  readonly detail: string;
}

/** A task that was observed before, and nothing of which has moved since. Its key is known; what it reads was not read again. */
export interface ObservedUnchanged extends ObservationNotes {
  readonly kind: 'before';
  readonly key: Key;
}

/** What is said of a task besides its key, in words. */
export interface ObservationNotes {
  readonly vague: readonly string[];
  readonly impure: readonly string[];
  readonly suspect: readonly string[];
}

export type Observed = ObservedImage | ObservedCommand | ObservedProblem | ObservedUnchanged;
export type Observations = ReadonlyMap<TaskId, Observed>;
