import type { Step } from '../model/plan.ts';
import type { RemoteImage } from '../model/registry.ts';
import type { ImageTask, TaskId } from '../model/task.ts';
import { listRemoteImages } from '../observe/registry-images.ts';
import type { Services } from './services.ts';

/** Returns the images that the registry of a builder has now under the content tags of steps. @throws RegistryError */
export async function currentImages(
  steps: readonly Step[],
  { registryMode, memo }: Pick<Services, 'registryMode' | 'memo'>,
): Promise<ReadonlyMap<TaskId, RemoteImage>> {
  const queries = steps.map(({ task, registryTag }) => ({
    id: task.id,
    contentTag: registryTag!,
    platform: (task as ImageTask).platform,
  }));
  const found = await listRemoteImages(registryMode!.registry, queries, memo);
  return new Map([...found].map(([id, { image }]) => [id, image]));
}
