import { type ExitCode, TasksError } from './errors.ts';

/**
 * `missing`: not found. `denied`: no permission or, with some registries, not found. `unreachable`: no response. `broken`: an
 * invalid response. `immutable`: the registry does not allow moving the tag.
 */
export type RegistryProblem = 'missing' | 'denied' | 'unreachable' | 'broken' | 'immutable';

/** An error from a registry. Its message and hint contain no secrets. */
export class RegistryError extends TasksError {
  readonly problem: RegistryProblem;

  constructor(problem: RegistryProblem, message: string, options: { hint?: string; cause?: unknown } = {}) {
    const exitCode: ExitCode = problem === 'missing' ? 1 : 3;
    super(exitCode, message, options);
    this.problem = problem;
  }
}

/** The manifest of an image, or an index with one manifest per platform. */
export interface RawManifest {
  readonly mediaType: string;
  /** The digest of `body`, `sha256:…`. */
  readonly digest: string;
  readonly body: Buffer;
}

/** A registry has a name, but not for the platform that is needed. */
export class PlatformMissing extends RegistryError {
  constructor(message: string, options: { hint: string }) {
    super('missing', message, options);
  }
}

/** A manifest as others refer to it. */
export interface ManifestDescriptor {
  readonly mediaType: string;
  /** `sha256:…` */
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
}

/** An image in a registry. */
export interface RemoteImage {
  /** The digest that the name points to, `sha256:…`: of the image's manifest or of an index that contains it. */
  readonly digest: string;
  /** The image's own manifest. */
  readonly manifest: ManifestDescriptor;
  /** All digests that an engine may use as the image's ID: of its config, manifest and index. */
  readonly ids: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** The compressed size. */
  readonly bytes: number;
  /** When the image was built, in milliseconds since 1970; undefined if its config does not say. */
  readonly created?: number;
  /** True if it has ONBUILD instructions. */
  readonly onbuild?: true;
  /** The manifests beside it in its index that attest something of it: how it was built, what it contains. Missing if there is none. */
  readonly attestations?: readonly ManifestDescriptor[];
  /** The annotations of its manifest. Missing if there is none. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What a name in a registry points to, of any type. */
export interface RemoteContents {
  /** The digest that the name points to, `sha256:…`. */
  readonly digest: string;
  /** The digests of manifests that it refers to: those in an index, including attestations, or the subject of a signature. */
  readonly manifestDigests: readonly string[];
  /** The images: an index has one per platform, an artifact has none. */
  readonly images: readonly RemoteImage[];
}

/**
 * A client for registries. Names are in docker's form, `repo/name:tag` or `repo/name@sha256:…`. Every method retries temporary
 * failures (429, 5xx, resets) before it throws a RegistryError.
 */
export interface Registry {
  /** Queries the digest that a name points to, without its manifest; undefined if it does not exist. */
  head(name: string): Promise<string | undefined>;
  /** Queries the image for a platform and verifies its digests; undefined if it does not exist or has no such platform. */
  image(name: string, platform: string): Promise<RemoteImage | undefined>;
  /**
   * Queries what a name points to and verifies its digests; undefined if it does not exist.
   * @throws RegistryError `broken` for an unknown media type
   */
  contents(name: string): Promise<RemoteContents | undefined>;
  /** Queries a manifest and verifies its digest. @throws RegistryError `missing` */
  manifest(name: string): Promise<RawManifest>;
  /** Uploads a manifest unchanged, under a tag or its own digest. Its blobs must exist in the repository. */
  put(name: string, manifest: RawManifest): Promise<void>;
  /**
   * Copies an image or index to a repository without setting a tag. Blobs are mounted within one registry and otherwise
   * downloaded and uploaded. `from`: `repo/name@sha256:…`
   */
  copy(from: string, repository: string): Promise<void>;
  /** Checks that pushing to a repository is allowed, and leaves nothing in it. @throws RegistryError `denied`, `unreachable` */
  mayPush(repository: string): Promise<void>;
  /**
   * Checks that deleting from a repository is allowed, as far as the registry tells beforehand.
   * @throws RegistryError `denied`, `unreachable`
   */
  mayDelete(repository: string): Promise<void>;
  /** Lists all tags of a repository; none if it does not exist. */
  tags(repository: string): Promise<readonly string[]>;
  /** Deletes one tag and keeps other tags of the same image. `refused`: the registry does not support deleting. */
  untag(name: string): Promise<'gone' | 'refused'>;
  /**
   * Reads the JSON text that `write` stored under a tag; undefined if the tag does not exist.
   * @throws RegistryError `broken` for any other content
   */
  read(name: string): Promise<string | undefined>;
  /** Stores a JSON text under a tag as an OCI artifact, replacing what was there. */
  write(name: string, text: string): Promise<void>;
}

/** Credentials for a registry. An identity token replaces a username and password. */
export type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly identityToken: string };
