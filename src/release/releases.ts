import { composeIndex, indexMember } from '../model/index-manifest.ts';
import type { Plan } from '../model/plan.ts';
import type { RawManifest, Registry, RemoteImage } from '../model/registry.ts';
import { type ImageTask, type TaskId, versionIdOf } from '../model/task.ts';
import { repositoryOf } from '../plan/refs.ts';
import type { TagChange } from './journal.ts';
import type { TargetTags } from './preflight.ts';
import { forEachLimit } from './tags.ts';

/** What is published of one version: an image, or an index of its images. */
export interface VersionRelease {
  /** The task that has the version's tags. */
  readonly leader: TaskId;
  /** The digest that the tags get. */
  readonly digest: string;
  /** The images, each by its task and the digest under which it is stored. */
  readonly members: ReadonlyMap<TaskId, string>;
  /** The digests of the attestations of these images that the index contains, too. */
  readonly attestations?: ReadonlyMap<TaskId, readonly string[]>;
  /** The index of several images. */
  readonly index?: RawManifest;
}

/** Returns what is published of each version. A version of which an image is missing is left out as a whole. */
export function releasesOf(
  { published }: TargetTags,
  images: ReadonlyMap<TaskId, RemoteImage>,
  platformOf: (id: TaskId) => string,
): VersionRelease[] {
  const versions = new Map<string, TaskId[]>();
  for (const id of published.keys()) {
    const version = versionIdOf(id);
    versions.set(version, [...(versions.get(version) ?? []), id]);
  }
  return [...versions.values()].flatMap((ids): VersionRelease[] => {
    const found = ids.map((id) => images.get(id));
    if (found.some((image) => image === undefined)) return [];
    const [leader, image] = [ids[0]!, found[0]!];
    if (ids.length === 1)
      return [{ leader, digest: image.digest, members: new Map([[leader, image.digest]]) }];
    const index = composeIndex(ids.map((id, at) => indexMember(platformOf(id), found[at]!)));
    const digests = ids.map((id, at) => [id, found[at]!.manifest.digest] as const);
    const attestations = new Map(
      ids.map((id, at) => [id, (found[at]!.attestations ?? []).map(({ digest }) => digest)]),
    );
    return [{ leader, digest: index.digest, members: new Map(digests), attestations, index }];
  });
}

/**
 * Stores what tags will point to in the repositories of these tags: copies images from where they were uploaded, then puts
 * indexes, whose images must be there first. @throws RegistryError
 */
export async function storeReleases(
  releases: readonly VersionRelease[],
  changes: readonly TagChange[],
  { plan, registry }: { readonly plan: Plan; readonly registry: Registry },
): Promise<void> {
  const changed = new Map(
    changes.map(({ name, after }) => [`${repositoryOf(name)}@${after}`, repositoryOf(name)]),
  );
  const copies = new Map<string, { readonly from: string; readonly to: string }>();
  const indexes = new Map<string, RawManifest>();
  for (const [name, to] of changed)
    for (const { digest, members, attestations, index } of releases) {
      if (name !== `${to}@${digest}`) continue;
      for (const [id, member] of members) {
        const from = repositoryOf(plan.steps.get(id)!.registryTag!);
        for (const each of from === to ? [] : [member, ...(attestations?.get(id) ?? [])])
          copies.set(`${to}@${each}`, { from: `${from}@${each}`, to });
      }
      if (index !== undefined) indexes.set(name, index);
    }
  await forEachLimit([...copies.values()], ({ from, to }) => registry.copy(from, to));
  await forEachLimit([...indexes], ([name, index]) => registry.put(name, index));
}

/** Returns the platform of each image of a plan. */
export function platformsIn({ steps }: Plan): (id: TaskId) => string {
  return (id) => (steps.get(id)!.task as ImageTask).platform;
}
