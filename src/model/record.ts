import type { TaskId } from './task.ts';

/** The SHA-256 of a task's manifest, 64 hex digits. */
export type Key = string;

/**
 * One readable line of a manifest: the kind of input, its name, and its value or digest. The optional fourth item is the line
 * number in the Dockerfile, for people. It is not part of the key.
 */
export type ManifestLine = readonly [kind: string, name: string, value: string, line?: number];

/** The kind of lines of files in named contexts. Their names are a context's name, a space, and a path. */
export const contextFile = 'context file';

/** The name of the line of kind `image` that holds the build platform, where the Dockerfile reads it. */
export const buildPlatformLine = 'build platform';

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
  /** For each need, by its name (`needNameOf`), the identity of the result that this one was made with: see `identityOf`. */
  readonly needs: Readonly<Record<string, string>>;
  readonly bytes: number;
  readonly durationMs: number;
  readonly tags: readonly string[];
  /** ISO 8601, UTC. */
  readonly time: string;
  /** The run of this machine that made the result. Missing in records of others and of earlier versions. */
  readonly run?: string;
  /** The builder node that built the image on this machine's behalf. It says where the build is cached, and decides nothing else. */
  readonly node?: string;
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

/**
 * Returns the identity of a result for the records and labels of dependents: all of its digests that are known, separated by spaces.
 * Image stores name one image by different digests: of its config, or of its manifest.
 */
export function identityOf(record: TaskRecord): string {
  return [...new Set(resultIds(record))].join(' ');
}

/** Returns whether an identity and a result have a digest in common. */
export function isSameResult(identity: string | undefined, ids: readonly string[]): boolean {
  return identity?.split(' ').some((digest) => ids.includes(digest)) ?? false;
}

/** Returns the digest that names a result where it is: the image ID in the engine, or the files digest. */
export function resultId(record: TaskRecord): string {
  return record.imageId ?? record.filesDigest ?? '';
}
