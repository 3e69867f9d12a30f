import { PlatformMissing } from '../model/registry.ts';
import type { Client } from './client.ts';
import { type ImageConfig, readConfig } from './images.ts';
import { choosePlatform, parseManifest, platformImages, platformOf } from './manifest.ts';
import { parseReference } from './reference.ts';

/** The digest that a name refers to now. */
export interface Pin {
  /** `sha256:…` of the platform's manifest; for `any`, of what the name points to. */
  readonly digest: string;
  /** True if the image has ONBUILD instructions. */
  readonly onbuild: boolean;
}

/** Queries the digest of an image for a platform, or of the image or index itself (`any`). @throws RegistryError, TasksError */
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
      throw new PlatformMissing(`${name} has no image for ${platform}`, {
        hint: `its platforms are ${images.map(platformOf).join(', ')}`,
      });
    const manifest = await client.manifest({ ...reference, digest: each.digest });
    const config = await readConfig(client, reference, manifest);
    checkPlatform(name, config, platform);
    onbuild ||= config.onbuild;
  }
  return { digest: platform === 'any' ? top.digest : chosen[0]!.digest, onbuild };
}

/** Checks an image's config for the platform: an index may be wrong, and a single image has no other information. */
function checkPlatform(name: string, { digest, platform: own }: ImageConfig, platform: string): void {
  if (platform === 'any' || !own.os || !own.architecture) return;
  if (choosePlatform([{ mediaType: '', digest, platform: own }], platform) !== undefined) return;
  const actual = platformOf({ mediaType: '', digest, platform: own });
  throw new PlatformMissing(`${name} has no image for ${platform}: it is for ${actual}`, {
    hint: `use an image for ${platform}, or build for ${actual}`,
  });
}
