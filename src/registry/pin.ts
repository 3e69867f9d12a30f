import { RegistryError } from '../model/registry.ts';
import type { Client } from './client.ts';
import { readConfig } from './images.ts';
import { choosePlatform, partsOf, platformOf, withPlatform } from './manifest.ts';
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
  const { manifests } = partsOf(top, name);
  if (manifests === undefined) {
    const { onbuild } = await readConfig(client, reference, top);
    return { digest: top.digest, onbuild };
  }
  const images = withPlatform(manifests);
  const chosen = platform === 'any' ? images : [choosePlatform(images, platform)];
  let onbuild = false;
  for (const each of chosen) {
    if (each === undefined)
      throw new RegistryError('missing', `${name} has no image for ${platform}`, {
        hint: `it has ${images.map(platformOf).join(', ')}`,
      });
    const manifest = await client.manifest({ ...reference, digest: each.digest });
    onbuild ||= (await readConfig(client, reference, manifest)).onbuild;
  }
  return { digest: platform === 'any' ? top.digest : chosen[0]!.digest, onbuild };
}
