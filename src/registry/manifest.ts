import type { RawManifest } from '../model/registry.ts';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
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

/** Everything that we read, for `Accept`. */
export const manifestTypes: readonly string[] = [...indexTypes, ...imageTypes];

/** The images of an index, each for a platform; undefined for what is an image itself. @throws SyntaxError */
export function imagesOf({ mediaType, body }: RawManifest): readonly Descriptor[] | undefined {
  const { manifests = [] } = JSON.parse(body.toString('utf8')) as { manifests?: readonly Descriptor[] };
  if (!indexTypes.includes(mediaType)) return undefined;
  // Attestations stand among them, for the platform `unknown/unknown`.
  return manifests.filter(({ platform }) => platform?.os !== 'unknown');
}

/** The digest of an image's config. @throws SyntaxError */
export function configOf({ body }: RawManifest): string | undefined {
  const { config } = JSON.parse(body.toString('utf8')) as { config?: Partial<Descriptor> };
  return config?.digest;
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

function normalized(platform: string): { os: string; architecture: string; variant: string } {
  const [os = '', architecture = '', variant = ''] = platform.split('/');
  const usual: Readonly<Record<string, string>> = { arm64: 'v8', arm: 'v7', amd64: 'v1' };
  return { os, architecture, variant: variant || (usual[architecture] ?? '') };
}
