import type { Contents, RawManifest, RemoteImage } from '../model/registry.ts';
import { type Client, ifThere } from './client.ts';
import { readConfig, remoteImage } from './images.ts';
import { isImageConfig, partsOf, subjectOf, withPlatform } from './manifest.ts';
import type { Reference } from './reference.ts';

/** All that a name stands for; undefined where nothing is there. */
export async function findContents(client: Client, reference: Reference): Promise<Contents | undefined> {
  const top = await ifThere(client.manifest(reference));
  if (top === undefined) return undefined;
  const { host, repository } = reference;
  const names = new Set<string>();
  const images: RemoteImage[] = [];
  const visit = async (manifest: RawManifest): Promise<void> => {
    const { manifests = [], config } = partsOf(manifest, repository);
    for (const digest of [...manifests.map((each) => each.digest), ...subjectOf(manifest)]) names.add(digest);
    if (config !== undefined && isImageConfig(config))
      images.push(remoteImage(top, manifest, await readConfig(client, reference, manifest)));
    for (const { digest } of withPlatform(manifests)) {
      // An index may speak of images that were never brought along.
      const child = await ifThere(client.manifest({ host, repository, digest }));
      if (child !== undefined) await visit(child);
    }
  };
  await visit(top);
  return { digest: top.digest, names: [...names], images };
}
