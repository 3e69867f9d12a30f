import { type RawManifest, RegistryError } from '../model/registry.ts';
import type { Registry } from './client.ts';
import { choosePlatform, configOf, imagesOf, platformOf } from './manifest.ts';
import { parseReference, type Reference } from './reference.ts';

/** What a name stands for at this moment. */
export interface Pin {
  /** `sha256:…` of the platform's manifest; for `any`, of what the name points at. */
  readonly digest: string;
  /** True: what is built on it runs instructions that stand in it. */
  readonly onbuild: boolean;
}

/** Asks what an image's name stands for, on a platform or (`any`) as a whole. @throws RegistryError, TasksError */
export async function pinImage(registry: Registry, name: string, platform: string): Promise<Pin> {
  const reference = parseReference(name);
  const top = await registry.manifest(reference);
  const images = readable(name, () => imagesOf(top));
  if (images === undefined)
    return { digest: top.digest, onbuild: await hasTriggers(registry, reference, top) };
  const chosen = platform === 'any' ? images : [choosePlatform(images, platform)];
  let onbuild = false;
  for (const each of chosen) {
    if (each === undefined)
      throw new RegistryError('missing', `${name} has no image for ${platform}`, {
        hint: `it has ${images.map(platformOf).join(', ')}`,
      });
    const manifest = await registry.manifest({ ...reference, digest: each.digest });
    onbuild ||= await hasTriggers(registry, reference, manifest);
  }
  return { digest: platform === 'any' ? top.digest : chosen[0]!.digest, onbuild };
}

async function hasTriggers(
  registry: Registry,
  reference: Reference,
  manifest: RawManifest,
): Promise<boolean> {
  const digest = readable(reference.repository, () => configOf(manifest));
  if (digest === undefined) throw broken(reference.repository);
  const config = await registry.blob(reference, digest);
  type Config = { config?: { OnBuild?: readonly string[] | null } | null };
  const { config: settings } = readable(
    reference.repository,
    () => JSON.parse(config.toString('utf8')) as Config,
  );
  return (settings?.OnBuild?.length ?? 0) > 0;
}

function readable<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch {
    // The digest was right: it was made like this.
    throw broken(name);
  }
}

function broken(name: string): RegistryError {
  return new RegistryError('broken', `the manifest of ${name} cannot be understood`);
}
