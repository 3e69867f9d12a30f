import { type RawManifest, RegistryError } from '../model/registry.ts';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size?: number;
  /** Where else it can be had: registries do not keep it. */
  readonly urls?: readonly string[];
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
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

/** Everything that we read, for `Accept`. */
export const manifestTypes: readonly string[] = [...indexTypes, ...imageTypes];

/** What a manifest is made of. */
export interface ManifestParts {
  /** What an index holds, attestations included; undefined for an image. */
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers: readonly Descriptor[];
}

type Nullable<T> = { readonly [K in keyof T]?: T[K] | null };

/** Takes a manifest apart. @throws RegistryError `broken`. `name`: whose it is, for that error */
export function parseManifest({ mediaType, body }: RawManifest, name: string): ManifestParts {
  return parseOrThrow(name, () => {
    const { manifests, config, layers } = JSON.parse(body.toString('utf8')) as Nullable<ManifestParts>;
    if (indexTypes.includes(mediaType)) return { manifests: (manifests ?? []).map(checked), layers: [] };
    // Of an image without layers containerd writes `null`.
    return { ...(config ? { config: checked(config) } : {}), layers: (layers ?? []).map(checked) };
  });
}

/** What an artifact (a signature, a list of parts) is of. */
export function subjectOf({ body }: RawManifest): string[] {
  const { subject } = JSON.parse(body.toString('utf8')) as { subject?: { digest?: unknown } | null };
  return typeof subject?.digest === 'string' ? [subject.digest] : [];
}

/** True for the config of an image, false for an artifact's, which may be anything. */
export function isImageConfig({ mediaType }: Descriptor): boolean {
  return configTypes.includes(mediaType);
}

function checked(descriptor: Descriptor): Descriptor {
  if (!/^\w+:[0-9a-f]{32,}$/.test(descriptor.digest)) throw new TypeError('no digest');
  const { size = 0 } = descriptor;
  if (!Number.isSafeInteger(size) || size < 0) throw new TypeError('no size');
  return descriptor;
}

/** Reads what a registry has; its digest was right, so it was made like this. @throws RegistryError `broken` */
export function parseOrThrow<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch {
    throw new RegistryError('broken', `the manifest of ${name} cannot be understood`);
  }
}

/** The images of an index, each for a platform. Attestations stand among them, for the platform `unknown/unknown`. */
export function platformImages(manifests: readonly Descriptor[]): Descriptor[] {
  return manifests.filter(({ platform }) => platform?.os !== 'unknown');
}

/**
 * The image for a platform (`linux/amd64`, `linux/arm/v7`). As containerd has it: arm64 is v8, arm without a variant v7, and
 * an arm machine runs lower variants where its own is not there.
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

/** `linux/arm/v7`. */
export function platformOf({ platform }: Descriptor): string {
  return [platform?.os, platform?.architecture, platform?.variant].filter(Boolean).join('/');
}

/** Other words for architectures, as containerd reads them. */
const sameAs: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  armhf: 'arm/v7',
  armel: 'arm/v6',
  i386: '386',
};

function normalized(platform: string): { os: string; architecture: string; variant: string } {
  const [os = '', word = '', own = ''] = platform.toLowerCase().split('/');
  const [architecture = '', implied = ''] = (sameAs[word] ?? word).split('/');
  const variant = own || implied;
  const usual: Readonly<Record<string, string>> = { arm64: 'v8', arm: 'v7', amd64: 'v1' };
  return { os, architecture, variant: variant || (usual[architecture] ?? '') };
}
