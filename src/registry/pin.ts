import { RegistryError } from '../model/registry.ts';
import type { Client } from './client.ts';
import { type ImageConfig, readConfig } from './images.ts';
import { choosePlatform, parseManifest, platformImages, platformOf } from './manifest.ts';
import { parseReference } from './reference.ts';

/** What a name stands for at this moment. */
export interface Pin {
  /** `sha256:…` of the platform's manifest; for `any`, of what the name points at. */
  readonly digest: string;
  /** True: what is built on it runs instructions that stand in it. */
  readonly onbuild: boolean;
}

/** Asks what an image's name stands for, on a platform or (`any`) as a whole. @throws RegistryError, TasksError */
export async function pinImage(client: Client, name: string, platform: string): Promise<Pin> {
  const reference = parseReference(name);
  const top = await client.manifest(reference);
  const { manifests } = parseManifest(top, name);
  if (manifests === undefined) {
    const config = await readConfig(client, reference, top);
    checkPlatform(name, config, platform);
    return { digest: top.digest, onbuild: config.onbuild };
  }
  const images = platformImages(manifests);
  const chosen = platform === 'any' ? images : [choosePlatform(images, platform)];
  let onbuild = false;
  for (const each of chosen) {
    if (each === undefined)
      throw new RegistryError('missing', `${name} has no image for ${platform}`, {
        hint: `it has ${images.map(platformOf).join(', ')}`,
      });
    const manifest = await client.manifest({ ...reference, digest: each.digest });
    const config = await readConfig(client, reference, manifest);
    checkPlatform(name, config, platform);
    onbuild ||= config.onbuild;
  }
  return { digest: platform === 'any' ? top.digest : chosen[0]!.digest, onbuild };
}

/** An index may say of an image what is not so, and an image alone is not asked for a platform: its config tells. */
function checkPlatform(name: string, { digest, platform: own }: ImageConfig, platform: string): void {
  if (platform === 'any' || !own.os || !own.architecture) return;
  if (choosePlatform([{ mediaType: '', digest, platform: own }], platform) !== undefined) return;
  const is = platformOf({ mediaType: '', digest, platform: own });
  throw new RegistryError('missing', `${name} has no image for ${platform}: it is for ${is}`, {
    hint: `use an image for ${platform}, or build for ${is}`,
  });
}
