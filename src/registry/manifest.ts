import {
  type ManifestDescriptor,
  type RawManifest,
  RegistryError,
  type RemoteImage,
} from '../model/registry.ts';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size?: number;
  /** Set for foreign layers, which registries do not store. */
  readonly urls?: readonly string[];
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
  readonly annotations?: Readonly<Record<string, unknown>> | null;
}

const indexTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const imageTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const configTypes = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];

/** The media types that we can read, for `Accept`. */
export const manifestTypes: readonly string[] = [...indexTypes, ...imageTypes];

/** The parts of a manifest. */
export interface ManifestParts {
  /** The manifests in an index, attestations included; undefined for an image. */
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers: readonly Descriptor[];
}

type Nullable<T> = { readonly [K in keyof T]?: T[K] | null };

/** Parses a manifest. `name`: what it belongs to, for the error. @throws RegistryError `broken` */
export function parseManifest({ mediaType, body }: RawManifest, name: string): ManifestParts {
  return parseOrThrow(name, () => {
    const { manifests, config, layers } = JSON.parse(body.toString('utf8')) as Nullable<ManifestParts>;
    if (indexTypes.includes(mediaType)) return { manifests: (manifests ?? []).map(checked), layers: [] };
    // containerd writes `null` for an image without layers.
    return { ...(config ? { config: checked(config) } : {}), layers: (layers ?? []).map(checked) };
  });
}

/** Returns the digest of the manifest that an artifact (a signature, an SBOM) refers to; none if there is none. */
export function subjectOf({ body }: RawManifest): string[] {
  const { subject } = JSON.parse(body.toString('utf8')) as { subject?: { digest?: unknown } | null };
  return typeof subject?.digest === 'string' ? [subject.digest] : [];
}

/** Returns true for the config of an image, false for that of an artifact, which may be anything. */
export function isImageConfig({ mediaType }: Descriptor): boolean {
  return configTypes.includes(mediaType);
}

function checked(descriptor: Descriptor): Descriptor {
  if (!/^\w+:[0-9a-f]{32,}$/.test(descriptor.digest)) throw new TypeError('no digest');
  const { size = 0 } = descriptor;
  if (!Number.isSafeInteger(size) || size < 0) throw new TypeError('no size');
  return descriptor;
}

/** Parses content whose digest is correct, so that a retry would not help if it is invalid. @throws RegistryError `broken` */
export function parseOrThrow<T>(name: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new RegistryError('broken', `the manifest of ${name} is invalid`);
  }
}

/** Returns the images in an index, without attestations, which have the platform `unknown/unknown`. */
export function platformImages(manifests: readonly Descriptor[]): Descriptor[] {
  return manifests.filter(({ platform }) => platform?.os !== 'unknown');
}

/**
 * Returns what an index and a manifest say about an image besides its content: its attestations, which name it in their annotations
 * (moby/buildkit docs/attestations/attestation-storage.md), and its own annotations.
 */
export function attachmentsOf(
  index: readonly Descriptor[],
  { digest, body }: RawManifest,
): Pick<RemoteImage, 'attestations' | 'annotations'> {
  const attestations = index
    .filter(
      ({ annotations }) =>
        annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' &&
        annotations['vnd.docker.reference.digest'] === digest,
    )
    .map(
      (each): ManifestDescriptor => ({
        mediaType: each.mediaType,
        digest: each.digest,
        size: each.size ?? 0,
      }),
    );
  const { annotations } = JSON.parse(body.toString('utf8')) as { annotations?: unknown };
  const own = Object.entries((annotations ?? {}) as object).filter(([, value]) => typeof value === 'string');
  return {
    ...(attestations.length > 0 ? { attestations } : {}),
    ...(own.length > 0 ? { annotations: Object.fromEntries(own) as Record<string, string> } : {}),
  };
}

/**
 * Chooses the image for a platform (`linux/amd64`, `linux/arm/v7`). Like containerd, it takes arm64 as v8 and arm without a
 * variant as v7, and falls back to lower arm variants.
 */
export function choosePlatform(images: readonly Descriptor[], platform: string): Descriptor | undefined {
  const wanted = normalized(platform);
  const candidates = images
    .map((image) => ({ image, ...normalized(platformOf(image)) }))
    .filter(({ os, architecture }) => os === wanted.os && architecture === wanted.architecture);
  const exact = candidates.find(({ variant }) => variant === wanted.variant);
  if (exact !== undefined || wanted.architecture !== 'arm') return exact?.image;
  return candidates
    .filter(({ variant }) => variant < wanted.variant)
    .sort((a, b) => (a.variant < b.variant ? 1 : -1))[0]?.image;
}

/** Returns a descriptor's platform, such as `linux/arm/v7`. */
export function platformOf({ platform }: Descriptor): string {
  return [platform?.os, platform?.architecture, platform?.variant].filter(Boolean).join('/');
}

/** Other names for architectures that containerd accepts. */
const architectureAliases: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  armhf: 'arm/v7',
  armel: 'arm/v6',
  i386: '386',
};

function normalized(platform: string): { os: string; architecture: string; variant: string } {
  const [os = '', alias = '', explicit = ''] = platform.toLowerCase().split('/');
  const [architecture = '', implied = ''] = (architectureAliases[alias] ?? alias).split('/');
  const variant = explicit || implied;
  const defaults: Readonly<Record<string, string>> = { arm64: 'v8', arm: 'v7', amd64: 'v1' };
  return { os, architecture, variant: variant || (defaults[architecture] ?? '') };
}
