import type { TaskId } from './task.ts';

/** The SHA-256 of a task's manifest, 64 hex digits. */
export type Key = string;

/**
 * One readable line of a manifest: the kind of input, its name, and its value or digest. The optional fourth item is the line
 * number in the Dockerfile, for people. It is not part of the key.
 */
export type ManifestLine = readonly [kind: string, name: string, value: string, line?: number];

/** The complete description of a task's inputs, from which its key is computed. */
export interface Manifest {
  readonly schema: number;
  readonly lines: readonly ManifestLine[];
}

/** The record of a finished task, which lets a later run reuse its result. */
export interface TaskRecord {
  readonly key: Key;
  readonly task: TaskId;
  /** The image's ID in the engine (`sha256:…`): the digest of its config, or of its manifest in containerd's image store. */
  readonly imageId?: string;
  /** The digest of its config, if it is known and not the ID. */
  readonly configDigest?: string;
  /** The digest of its manifest, if it was pulled from or pushed to a registry. */
  readonly manifestDigest?: string;
  /** The digest of the output files, for a task that makes files. */
  readonly filesDigest?: string;
  /** For each needed task, the imageId or filesDigest that this result was made with. */
  readonly needs: Readonly<Record<TaskId, string>>;
  readonly bytes: number;
  readonly durationMs: number;
  readonly tags: readonly string[];
  /** ISO 8601, UTC. */
  readonly time: string;
  /**
   * True if the record comes from a shared store. It is only used for an image that exists here, and does not decide between
   * images.
   */
  readonly shared?: true;
}

/** Returns all digests under which the records of dependents may name a result. */
export function resultIds({ imageId, configDigest, manifestDigest, filesDigest }: TaskRecord): string[] {
  return [imageId, configDigest, manifestDigest, filesDigest].filter((each) => each !== undefined);
}

/** Returns the digest that identifies a result: the image ID or files digest. */
export function resultId(record: TaskRecord): string {
  return record.imageId ?? record.filesDigest ?? '';
}
