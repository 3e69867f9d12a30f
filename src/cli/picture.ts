import path from 'node:path';
import { logsOf } from '../cache/logs.ts';
import type { TaskId } from '../model/task.ts';
import { makePicture, type Picture } from '../report/graph/picture.ts';
import type { Prospect } from './project.ts';

/** What a plan looks like, with the tasks that did not end well the last time. */
export function pictureOf(prospect: Prospect, changed: boolean): Picture {
  return makePicture(prospect.plan, { failed: failedTasks(prospect), changed });
}

/** Tasks to be made whose last log began after their last record: that try left nothing that can be used. */
function failedTasks({ plan, latest, cacheFolder }: Prospect): Set<TaskId> {
  const failed = new Set<TaskId>();
  for (const { task, action } of plan.steps.values()) {
    if (action !== 'build' && action !== 'run') continue;
    const [newest] = logsOf(cacheFolder, task.id);
    if (newest === undefined) continue;
    const record = latest.get(task.id)?.record;
    // Logs are named by the time at which the task began, in the letters of a file's name.
    const recorded = record?.task === task.id ? record.time.replaceAll(':', '-') : '';
    if (path.basename(newest) > `${recorded}.log`) failed.add(task.id);
  }
  return failed;
}
