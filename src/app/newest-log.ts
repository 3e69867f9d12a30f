import path from 'node:path';
import { listLogs } from '../cache/logs.ts';
import { resolveSelectors } from '../graph/select.ts';
import { TasksError } from '../model/errors.ts';
import type { TaskId } from '../model/task.ts';
import { testLogName } from '../run/test-phase.ts';
import type { OpenProject } from './open-project.ts';

/**
 * Returns the newest log of the selected tasks or of their tests; `file` is absolute.
 * @throws TasksError with exit code 1 if there is none, 2 for an unknown selector
 */
export function newestLog(
  { graph, cacheFolder }: OpenProject,
  selector: string,
): { readonly id: TaskId; readonly file: string } {
  const ids = [...resolveSelectors(graph, [selector])];
  const logs = ids.flatMap((id) =>
    [...listLogs(cacheFolder, id), ...listLogs(cacheFolder, testLogName(id))].map((file) => ({ id, file })),
  );
  // Named by the time at which they were started.
  const [newest] = logs.sort((a, b) => (path.basename(a.file) < path.basename(b.file) ? 1 : -1));
  if (newest !== undefined) return newest;
  throw new TasksError(1, `no logs of ${ids.join(', ')}`, {
    hint: 'a log is written when a task is built, run or tested',
  });
}
