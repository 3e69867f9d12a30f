import type { Plan } from '../model/plan.ts';
import type { Registry } from '../model/registry.ts';
import type { TaskId } from '../model/task.ts';
import { testPassTag } from '../plan/refs.ts';
import { forEachLimit, manifestReader } from './tags.ts';

/**
 * Records passed tests in the registry, for all machines: each as a tag next to the image's content tag, on the same manifest.
 * `passed`: the digests of the tests. `digests`: the digests of the images in the registry.
 * @throws RegistryError
 */
export async function setPassTags(
  registry: Registry,
  { steps }: Plan,
  passed: ReadonlyMap<TaskId, string>,
  digests: ReadonlyMap<TaskId, string>,
): Promise<void> {
  const manifest = manifestReader(registry);
  await forEachLimit([...passed], async ([id, test]) => {
    const { registryTag, testPassed: isRecorded } = steps.get(id)!;
    const digest = digests.get(id);
    if (isRecorded || digest === undefined || registryTag === undefined) return;
    const name = testPassTag(registryTag, test);
    if ((await registry.head(name)) !== digest) await registry.put(name, await manifest(name, digest));
  });
}
