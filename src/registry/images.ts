import { type RawManifest, RegistryError, type RemoteImage } from '../model/registry.ts';
import { type Client, undefinedIfMissing } from './client.ts';
import { choosePlatform, type Descriptor, parseManifest, parseOrThrow, platformImages } from './manifest.ts';
import type { Reference, RepositoryRef } from './reference.ts';

/** What an image's config says. */
export interface ImageConfig {
  /** `sha256:…`, the image's id to an engine. */
  readonly digest: string;
  /** Compressed, of its layers and the config itself. */
  readonly bytes: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly created?: number;
  readonly platform: NonNullable<Descriptor['platform']>;
  /** True: it holds instructions for what is built on it. */
  readonly onbuild: boolean;
}

/** The config of an image. @throws RegistryError `broken` for what is none, others as the client does */
export async function readConfig(
  client: Client,
  place: RepositoryRef,
  manifest: RawManifest,
): Promise<ImageConfig> {
  const { repository } = place;
  const { config, layers } = parseManifest(manifest, repository);
  if (config === undefined)
    throw new RegistryError('broken', `the manifest of ${repository} names no config`);
  const blob = await client.blob(place, config.digest);
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

/** What is no string is no label: a config may hold anything. */
function stringsOf(labels: unknown): Record<string, string> {
  const entries = Object.entries((labels ?? {}) as object);
  return Object.fromEntries(entries.filter(([, value]) => typeof value === 'string')) as Record<
    string,
    string
  >;
}

/** The image of a platform that a name stands for; undefined where there is none. */
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
  // An index says for which platform its images are; one alone says so itself.
  const image: Descriptor = { mediaType: top.mediaType, digest: config.digest, platform: config.platform };
  if (chosen === undefined && choosePlatform([image], platform) === undefined) return undefined;
  return remoteImage(top, manifest, config);
}

/** `top`: what the name points at, the image's own manifest or an index. */
export function remoteImage(top: RawManifest, manifest: RawManifest, config: ImageConfig): RemoteImage {
  const { digest, bytes, labels, created } = config;
  return {
    digest: top.digest,
    ids: [...new Set([digest, manifest.digest, top.digest])],
    labels,
    bytes,
    ...(created !== undefined ? { created } : {}),
  };
}
