import { createHash } from 'node:crypto';
import { normalizePlatform } from './platform.ts';
import type { ManifestDescriptor, RawManifest, RemoteImage } from './registry.ts';

/** An image in an index, with its attestations. */
export interface IndexMember {
  /** For example `linux/arm64`. */
  readonly platform: string;
  readonly manifest: ManifestDescriptor;
  /** What attests something of it. */
  readonly attestations?: readonly ManifestDescriptor[];
}

/** Returns an image in a registry as a member of an index. */
export function indexMember(platform: string, { manifest, attestations }: RemoteImage): IndexMember {
  return { platform, manifest, ...(attestations === undefined ? {} : { attestations }) };
}

const ociIndex = 'application/vnd.oci.image.index.v1+json';
const dockerList = 'application/vnd.docker.distribution.manifest.list.v2+json';
const dockerImage = 'application/vnd.docker.distribution.manifest.v2+json';

/**
 * Returns the index of images for several platforms (OCI image-spec, image-index.md; of docker's own images: docker's manifest list,
 * distribution docs/spec/manifest-v2-2.md). The same members make the same bytes, in any order: a push knows the digest of an index
 * that exists already. Attestations come last, each with the image that it is for (moby/buildkit
 * docs/attestations/attestation-storage.md).
 */
export function composeIndex(members: readonly IndexMember[]): RawManifest {
  const isDocker = members.every(({ manifest }) => manifest.mediaType === dockerImage);
  const mediaType = isDocker ? dockerList : ociIndex;
  const manifests = members
    .map(({ platform, manifest: { mediaType: type, digest, size } }) => ({
      mediaType: type,
      digest,
      size,
      platform: platformParts(platform),
    }))
    .sort((a, b) => (platformText(a.platform) < platformText(b.platform) ? -1 : 1));
  const attestations = manifests.flatMap(({ digest: image }) =>
    (members.find(({ manifest }) => manifest.digest === image)!.attestations ?? []).map(
      ({ mediaType: type, digest, size }) => ({
        mediaType: type,
        digest,
        size,
        annotations: {
          'vnd.docker.reference.digest': image,
          'vnd.docker.reference.type': 'attestation-manifest',
        },
        platform: { os: 'unknown', architecture: 'unknown' },
      }),
    ),
  );
  const all = [...manifests, ...attestations];
  const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: all }));
  return { mediaType, digest: `sha256:${createHash('sha256').update(body).digest('hex')}`, body };
}

interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

function platformParts(platform: string): Platform {
  const [os = '', architecture = '', variant] = normalizePlatform(platform).split('/');
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

function platformText({ os, architecture, variant = '' }: Platform): string {
  return `${os}/${architecture}/${variant}`;
}
