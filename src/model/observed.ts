import type { TaskId } from './task.ts';

/** One path as it was read from disk. `digest` is the SHA-256 of a file's bytes in hex. */
export type Entry =
  | {
      readonly path: string;
      readonly type: 'file';
      readonly executable: boolean;
      readonly size: number;
      readonly digest: string;
    }
  | { readonly path: string; readonly type: 'dir' }
  | { readonly path: string; readonly type: 'fifo' }
  | { readonly path: string; readonly type: 'link'; readonly target: string };

/** What an image task reads: its context after `.dockerignore`, its Dockerfile, and what it takes from outside. */
export interface ObservedImage {
  readonly kind: 'image';
  /** Sorted by path; every directory has an entry. Paths are relative to the context, with `/`. */
  readonly context: readonly Entry[];
  readonly dockerfile: {
    /** The path in the context where it is part of it (and not ignored), else undefined. */
    readonly inContext?: string;
    /** Absolute path. */
    readonly source: string;
    readonly digest: string;
    readonly executable: boolean;
    readonly size: number;
  };
  /** What can change without any of our inputs changing: unpinned bases, downloads without a checksum. */
  readonly impure: readonly string[];
}

/** What a command task reads. */
export interface ObservedCommand {
  readonly kind: 'command';
  /** argv[0]'s file, where it has a slash. */
  readonly program?: Entry;
  readonly inputs: readonly Entry[];
  /** null: not set. */
  readonly env: Readonly<Record<string, string | null>>;
  /** OS and architecture, `linux/x64`. */
  readonly machine: string;
}

/** A task whose inputs could not be read: it is planned as blocked. */
export interface ObservedProblem {
  readonly kind: 'problem';
  readonly code: string;
  readonly detail: string;
}

export type Observed = ObservedImage | ObservedCommand | ObservedProblem;
export type Observations = ReadonlyMap<TaskId, Observed>;
