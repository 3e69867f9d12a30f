import type { Attestations } from '../model/task.ts';

/** An image as another tool builds it: a target of bake, a service of compose, a `docker build` of make, or a Dockerfile alone. */
export interface ForeignTarget {
  /** Its name in the other tool. */
  readonly name: string;
  /** Where it is written: a file, and a line or a name in it. */
  readonly place: string;
  /** The build context, relative to the project root. */
  readonly context: string;
  /** The Dockerfile, relative to the project root. */
  readonly dockerfile: string;
  /** The text of a Dockerfile that is written in the other tool's file. */
  readonly dockerfileText?: string;
  readonly target?: string;
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the image's manifest. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Complete references, as written. */
  readonly tags: readonly string[];
  /** The parts that its version is joined of with `-`, if they are known: each may have a `-` of its own. */
  readonly versionParts?: readonly string[];
  readonly platforms: readonly string[];
  /** Named contexts: a folder relative to the root, an address, or `target:NAME` for another target. */
  readonly contexts: Readonly<Record<string, string>>;
  /** Fields of `image()` with the same meaning, as their values are written there. */
  readonly options: TargetOptions;
}

export interface TargetOptions {
  readonly network?: string;
  readonly addHosts?: readonly string[];
  readonly shmSize?: string;
  readonly ulimits?: readonly string[];
  readonly cgroupParent?: string;
  readonly allow?: readonly string[];
  readonly ssh?: Readonly<Record<string, object>>;
  readonly secrets?: Readonly<Record<string, object>>;
  readonly output?: 'files';
  readonly attest?: Attestations;
}

/** Something that the definitions do not say. */
export interface Omission {
  /** The target or file. */
  readonly place: string;
  /** What it is, in a few words; equal ones of several targets are listed once. */
  readonly what: string;
}

/** What a file of another tool says. */
export interface ForeignBuilds {
  readonly targets: readonly ForeignTarget[];
  readonly omissions: readonly Omission[];
}

/** A file of another tool that cannot be read. */
export class ReadError extends Error {
  override readonly name = 'ReadError';
}

/** Returns a path without `.` and `..` parts, `.` for the root. Returns undefined for a path outside of the root. */
export function rootPath(...parts: readonly string[]): string | undefined {
  const stack: string[] = [];
  for (const part of parts.join('/').split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') stack.push(part);
    else if (stack.pop() === undefined) return undefined;
  }
  return stack.length === 0 ? '.' : stack.join('/');
}

/** Tells whether a context is an address instead of a folder. */
export function isAddress(context: string): boolean {
  return /^[a-z][\w+.-]*:\/\/|^git@[\w.-]+:|^(target|service|oci-layout):/i.test(context);
}
