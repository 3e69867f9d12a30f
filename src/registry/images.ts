import { type RawManifest, RegistryError, type RemoteImage } from '../model/registry.ts';
import { type Client, undefinedIfMissing } from './client.ts';
import {
  attachmentsOf,
  choosePlatform,
  type Descriptor,
  parseManifest,
  parseOrThrow,
  platformImages,
} from './manifest.ts';
import type { Reference, RepositoryRef } from './reference.ts';

/** The fields of an image's config that we use. */
export interface ImageConfig {
  /** `sha256:…`, the image ID in an engine. */
  readonly digest: string;
  /** The compressed size of the layers and the config. */
  readonly bytes: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly created?: number;
  readonly platform: NonNullable<Descriptor['platform']>;
  /** True if the image has ONBUILD instructions. */
  readonly onbuild: boolean;
}

/** Reads the config of an image. @throws RegistryError `broken` if it is not an image, others as the client does */
export async function readConfig(
  client: Client,
  repo: RepositoryRef,
  manifest: RawManifest,
): Promise<ImageConfig> {
  const { repository } = repo;
  const { config, layers } = parseManifest(manifest, repository);
  if (config === undefined) throw new RegistryError('broken', `the manifest of ${repository} has no config`);
  const blob = await client.blob(repo, config.digest);
  return parseOrThrow(repository, () => {
    const { os, architecture, variant, created, config: settings } = JSON.parse(blob.toString('utf8'));
    const time = Date.parse(created ?? '');
    return {
      digest: config.digest,
      bytes: layers.reduce((sum, { size = 0 }) => sum + size, blob.length),
      labels: stringsOf(settings?.Labels),
      ...(Number.isNaN(time) ? {} : { created: time }),
      platform: { os, architecture, variant },
      onbuild: (settings?.OnBuild?.length ?? 0) > 0,
    };
  });
}

/** Returns the labels that are strings, since a config may contain anything. */
function stringsOf(labels: unknown): Record<string, string> {
  const entries = Object.entries((labels ?? {}) as object);
  return Object.fromEntries(entries.filter(([, value]) => typeof value === 'string')) as Record<
    string,
    string
  >;
}

/** Finds the image for a platform by name; undefined if there is none. */
export async function findImage(
  client: Client,
  reference: Reference,
  platform: string,
): Promise<RemoteImage | undefined> {
  const top = await undefinedIfMissing(client.manifest(reference));
  if (top === undefined) return undefined;
  const { manifests } = parseManifest(top, reference.repository);
  const chosen = manifests && choosePlatform(platformImages(manifests), platform);
  if (manifests !== undefined && chosen === undefined) return undefined;
  const manifest =
    chosen === undefined ? top : await client.manifest({ ...reference, digest: chosen.digest });
  const config = await readConfig(client, reference, manifest);
  // The platform of an image in an index is in the index; that of a single image is in its config.
  const image: Descriptor = { mediaType: top.mediaType, digest: config.digest, platform: config.platform };
  if (chosen === undefined && choosePlatform([image], platform) === undefined) return undefined;
  return remoteImage(top, manifest, config);
}

/** Returns an image from its manifest and config. `top`: what its name points to, the same manifest or an index. */
export function remoteImage(top: RawManifest, manifest: RawManifest, config: ImageConfig): RemoteImage {
  const { digest, bytes, labels, created, onbuild } = config;
  return {
    digest: top.digest,
    manifest: { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.body.length },
    ids: [...new Set([digest, manifest.digest, top.digest])],
    labels,
    bytes,
    ...(created !== undefined ? { created } : {}),
    ...(onbuild ? { onbuild } : {}),
    ...attachmentsOf(parseManifest(top, '').manifests ?? [], manifest),
  };
}
