import { type ExitCode, TasksError } from './errors.ts';

/** `missing`: not there. `denied`: no permission, or (some registries) not there. `unreachable`: no answer. `broken`: a wrong one. `immutable`: a tag that stays where it is. */
export type RegistryProblem = 'missing' | 'denied' | 'unreachable' | 'broken' | 'immutable';

/** What went wrong with a registry, and what to do about it. Never holds a secret. */
export class RegistryError extends TasksError {
  readonly problem: RegistryProblem;

  constructor(problem: RegistryProblem, message: string, options: { hint?: string; cause?: unknown } = {}) {
    const exitCode: ExitCode = problem === 'missing' ? 1 : 3;
    super(exitCode, message, options);
    this.problem = problem;
  }
}

/** What a name stands for: one image, or an index of one for each platform. */
export interface RawManifest {
  readonly mediaType: string;
  /** `sha256:…`, of the very bytes. */
  readonly digest: string;
  readonly body: Buffer;
}

/** An image as a registry has it. */
export interface RemoteImage {
  /** `sha256:…` of what the name points at: the image's manifest, or an index in which it stands. */
  readonly digest: string;
  /** Every digest by which an engine may know it: of its config, its manifest, its index. */
  readonly ids: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Compressed. */
  readonly bytes: number;
  /** When it was built, milliseconds since 1970; undefined where its config does not say. */
  readonly created?: number;
}

/** What lies under a name, whatever it is. */
export interface RemoteContents {
  /** `sha256:…` of what the name points at. */
  readonly digest: string;
  /** Digests of manifests that it speaks of: all that an index holds, attestations included; what a signature is of. */
  readonly names: readonly string[];
  /** Its images: an index has one for each platform, an artifact none. */
  readonly images: readonly RemoteImage[];
}

/**
 * What registries can do for us. Names are written as docker has them, `repo/name:tag` or `repo/name@sha256:…`. Every method
 * throws a RegistryError that says what to do; what passes by itself (429, 5xx, resets) was tried again before.
 */
export interface Registry {
  /** The digest that a name points at, without its manifest; undefined where nothing is there. */
  head(name: string): Promise<string | undefined>;
  /** The image of a platform, its digests verified; undefined where nothing is there, or none of that platform. */
  image(name: string, platform: string): Promise<RemoteImage | undefined>;
  /** All that a name stands for, its digests verified; undefined where nothing is there. @throws `broken` for unknown kinds */
  contents(name: string): Promise<RemoteContents | undefined>;
  /** A manifest, its digest verified. @throws RegistryError `missing` */
  manifest(name: string): Promise<RawManifest>;
  /** Puts a manifest, byte for byte, whose blobs are there; under a tag, or under its own digest. */
  put(name: string, manifest: RawManifest): Promise<void>;
  /**
   * Sees to it that all of an image (an index's images too) is in a repository as well: mounted where it comes from
   * the same registry, else carried over. No tag is put. `from`: `repo/name@sha256:…`
   */
  copy(from: string, repository: string): Promise<void>;
  /** Throws `denied` or `unreachable` where we may not push to a repository. Leaves nothing there. */
  mayPush(repository: string): Promise<void>;
  /** Throws `denied` or `unreachable` where nothing can be deleted from a repository, as far as it says so beforehand. */
  mayDelete(repository: string): Promise<void>;
  /** All tags of a repository, none where it does not exist. */
  tags(repository: string): Promise<readonly string[]>;
  /** Takes away one tag, and nothing else that points at the same image. `refused`: this registry deletes nothing. */
  untag(name: string): Promise<'gone' | 'refused'>;
  /** Deletes a manifest and every tag on it, `repo/name@sha256:…`. */
  remove(name: string): Promise<'gone' | 'refused'>;
  /** The JSON text that `write` left under a tag; undefined where nothing is there. @throws `broken` for anything else */
  read(name: string): Promise<string | undefined>;
  /** Keeps a JSON text under a tag, as an artifact that any OCI registry takes; replaces what was there. */
  write(name: string, text: string): Promise<void>;
}

/** Who we are to a registry. An identity token stands for a name and a password. */
export type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly identityToken: string };
