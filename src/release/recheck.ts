import type { Step } from '../model/plan.ts';
import { isSameResult } from '../model/record.ts';
import type { RemoteImage } from '../model/registry.ts';
import { needNameOf, type TaskId } from '../model/task.ts';
import { recordFromLabels } from '../plan/existing.ts';
import { currentImages } from '../run/current-images.ts';
import { imageNeedIds } from '../run/need-images.ts';
import type { Services } from '../run/services.ts';
import { UploadConflict } from './upload.ts';

/**
 * Checks, against what the registry has now, that all images of a push were built on the images that have the content tags of their
 * needs: another machine may have set one of these tags since it was looked at. `images`: what the push publishes.
 * @throws UploadConflict if a new plan is needed; RegistryError
 */
export async function recheckNeeds(
  roots: readonly Step[],
  steps: ReadonlyMap<TaskId, Step>,
  images: ReadonlyMap<TaskId, RemoteImage>,
  services: Pick<Services, 'registryMode' | 'memo'>,
): Promise<void> {
  const reached = reach(roots, steps);
  const now = await currentImages(reached, services);
  for (const { task, key } of reached) {
    const current = now.get(task.id);
    const published = images.get(task.id);
    if (published !== undefined && current?.digest !== published.digest)
      throw new UploadConflict(`another machine pushed ${task.id}`);
    const record = current && recordFromLabels(task, key, { id: '', ...current });
    for (const need of record === undefined ? [] : imageNeedIds(task)) {
      const ids = now.get(need)?.ids;
      if (ids !== undefined && !isSameResult(record!.needs[needNameOf(task, need)], ids))
        throw new UploadConflict(`${task.id} was built with another ${need} than the registry has now`);
    }
  }
}

/** Returns the steps of images that these steps are built on, with themselves. */
function reach(roots: readonly Step[], steps: ReadonlyMap<TaskId, Step>): Step[] {
  const reached = new Set<Step>();
  const visit = (step: Step): void => {
    if (reached.has(step) || step.registryTag === undefined) return;
    reached.add(step);
    for (const id of imageNeedIds(step.task)) visit(steps.get(id)!);
  };
  for (const root of roots) visit(root);
  return [...reached];
}
