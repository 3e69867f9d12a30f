import type { TaskId } from './task.ts';

/** SHA-256 (64 hex) over a task's manifest. */
export type Key = string;

/**
 * One readable line of a manifest: what kind of input, its name, and its value or digest. The fourth, where there is one,
 * is for people: the line in the Dockerfile where it stands now. It is not part of the key.
 */
export type ManifestLine = readonly [kind: string, name: string, value: string, line?: number];

/** The complete description of one task's computation; what the key is made from. */
export interface Manifest {
  readonly schema: number;
  readonly lines: readonly ManifestLine[];
}

/** What a finished task left: the proof that lets a later run reuse it. */
export interface TaskRecord {
  readonly key: Key;
  readonly task: TaskId;
  /** The image's config digest (`sha256:…`), for a task that makes an image. */
  readonly imageId?: string;
  /** `sha256:…` of its manifest, once it came from a registry or went to one. */
  readonly manifestDigest?: string;
  /** The digest of the kept files, for a task that makes files. */
  readonly filesDigest?: string;
  /** For each needed task the imageId or filesDigest that this result was made with. */
  readonly needs: Readonly<Record<TaskId, string>>;
  readonly bytes: number;
  readonly durationMs: number;
  readonly tags: readonly string[];
  /** ISO 8601, UTC. */
  readonly time: string;
  /** True: a store that others write to says so. It never decides between images, and never speaks for one that is not here. */
  readonly shared?: true;
}

/** Every digest by which the records of what is made with a result may name it. */
export function resultIds({ imageId, manifestDigest, filesDigest }: TaskRecord): string[] {
  return [imageId, manifestDigest, filesDigest].filter((each) => each !== undefined);
}

/** The result by which a need's identity is compared. */
export function resultId(record: TaskRecord): string {
  return record.imageId ?? record.filesDigest ?? '';
}
