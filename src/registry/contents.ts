import type { RawManifest, RemoteContents, RemoteImage } from '../model/registry.ts';
import { type Client, undefinedIfMissing } from './client.ts';
import { readConfig, remoteImage } from './images.ts';
import { isImageConfig, parseManifest, platformImages, subjectOf } from './manifest.ts';
import type { Reference } from './reference.ts';

/** Returns everything that a name refers to; undefined if it does not exist. */
export async function findContents(
  client: Client,
  reference: Reference,
): Promise<RemoteContents | undefined> {
  const top = await undefinedIfMissing(client.manifest(reference));
  if (top === undefined) return undefined;
  const { host, repository } = reference;
  const digests = new Set<string>();
  const images: RemoteImage[] = [];
  const visit = async (manifest: RawManifest): Promise<void> => {
    const { manifests = [], config } = parseManifest(manifest, repository);
    for (const digest of [...manifests.map((each) => each.digest), ...subjectOf(manifest)])
      digests.add(digest);
    if (config !== undefined && isImageConfig(config))
      images.push(remoteImage(top, manifest, await readConfig(client, reference, manifest)));
    for (const { digest } of platformImages(manifests)) {
      // An index may list images that were never pushed.
      const child = await undefinedIfMissing(client.manifest({ host, repository, digest }));
      if (child !== undefined) await visit(child);
    }
  };
  await visit(top);
  return { digest: top.digest, manifestDigests: [...digests], images };
}
