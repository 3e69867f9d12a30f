import type { Plan } from '../model/plan.ts';
import type { Registry } from '../model/registry.ts';
import type { TaskId } from '../model/task.ts';
import { testPassTag } from '../plan/refs.ts';
import { forEachLimit, manifestReader } from './tags.ts';

/**
 * Makes passed tests known on every machine: a tag beside the image's content tag, on the same manifest.
 * `passed`: digests of tests. `digests`: under which the images are in the registry. @throws RegistryError
 */
export async function setPassTags(
  registry: Registry,
  { steps }: Plan,
  passed: ReadonlyMap<TaskId, string>,
  digests: ReadonlyMap<TaskId, string>,
): Promise<void> {
  const manifest = manifestReader(registry);
  await forEachLimit([...passed], async ([id, test]) => {
    const { registryTag, testPassed: isKept } = steps.get(id)!;
    const digest = digests.get(id);
    if (isKept || digest === undefined || registryTag === undefined) return;
    const name = testPassTag(registryTag, test);
    if ((await registry.head(name)) !== digest) await registry.put(name, await manifest(name, digest));
  });
}
