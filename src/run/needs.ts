import path from 'node:path';
import type { Plan } from '../model/plan.ts';
import type { ContextEntry } from '../model/ports.ts';
import { identityOf, type TaskRecord } from '../model/record.ts';
import { type Need, needIds, needNameOf, type Task, type TaskId, versionIdOf } from '../model/task.ts';
import { outputFolder, readOutputs } from '../observe/outputs.ts';
import type { Services } from './services.ts';

/** The records of all tasks finished so far in this run, including reused ones. */
export type Results = ReadonlyMap<TaskId, TaskRecord>;

/** Returns the identities of the results of a task's needs, for its record. */
export function needResults(task: Task, results: Results): Record<string, string> {
  return Object.fromEntries(needIds(task).map((id) => [needNameOf(task, id), identityOf(results.get(id)!)]));
}

/** Returns the build args that hold content tags of needed images. */
export function needImageArgs(task: Task, plan: Plan): Record<string, string> {
  const images = task.needs.filter((need) => need.kind === 'image' && !need.isReference);
  return Object.fromEntries(images.map((need) => [need.name, plan.steps.get(need.tasks[0]!)!.contentTag!]));
}

/** Returns the version of a task: `16.13` for `extbuilder:16.13@linux/arm64`. */
export function versionOf(id: TaskId): string {
  return versionIdOf(id).slice(id.indexOf(':') + 1);
}

/** Returns the folder of a task's files in the build context; `all()` needs have a subfolder per version. */
function folderOf(need: Need, id: TaskId): string {
  return need.all ? `${need.name}/${versionOf(id)}` : need.name;
}

/**
 * Returns the needed files as entries of a build context, in a folder with the need's name.
 * @throws Error if files were modified after they were stored
 */
export function needFileEntries(
  task: Task,
  plan: Plan,
  results: Results,
  services: Services,
): ContextEntry[] {
  const entries: ContextEntry[] = [];
  for (const need of task.needs.filter((candidate) => candidate.kind === 'files')) {
    if (need.all) entries.push({ entry: { path: need.name, type: 'dir' }, source: '' });
    for (const id of need.tasks) {
      const folder = outputFolder(services.cacheFolder, plan.steps.get(id)!.key);
      const tree = readOutputs(folder, services.memo);
      if (tree.digest !== results.get(id)!.filesDigest)
        throw new Error(`the output files of ${id} in ${folder} were modified; run again`);
      const prefix = folderOf(need, id);
      entries.push({ entry: { path: prefix, type: 'dir' }, source: '' });
      for (const entry of tree.entries) {
        entries.push({
          entry: { ...entry, path: `${prefix}/${entry.path}` },
          source: path.join(folder, entry.path),
        });
      }
    }
  }
  return entries;
}
