import { statSync } from 'node:fs';
import { isLogOpen, listLogs, logTime } from '../cache/logs.ts';
import { resolveSelectors } from '../graph/select.ts';
import { TasksError } from '../model/errors.ts';
import type { TaskId } from '../model/task.ts';
import { testLogName } from '../run/test-phase.ts';
import type { OpenProject } from './open-project.ts';

/** A log of a task: of a build or run of it, or of its test. */
export interface TaskLog {
  readonly id: TaskId;
  readonly kind: 'build' | 'test';
  /** Absolute. */
  readonly file: string;
  readonly started: Date;
  readonly bytes: number;
  /** True while a process writes it. */
  readonly isOpen: boolean;
}

/** Returns the logs of the selected tasks, newest first; without selectors, of all tasks. @throws UnknownSelector */
export function taskLogs(
  { graph, cacheFolder }: Pick<OpenProject, 'graph' | 'cacheFolder'>,
  selectors: readonly string[],
  kinds: readonly TaskLog['kind'][],
): TaskLog[] {
  const ids = selectors.length === 0 ? graph.tasks.keys() : resolveSelectors(graph, selectors);
  return [...ids]
    .flatMap((id) =>
      kinds.flatMap((kind) =>
        listLogs(cacheFolder, kind === 'build' ? id : testLogName(id)).map((file) =>
          describe(id, kind, file),
        ),
      ),
    )
    .sort((a, b) => b.started.getTime() - a.started.getTime());
}

/** @throws TasksError with exit code 1 if none of the selected tasks has such a log */
export function newestLog(
  open: Pick<OpenProject, 'graph' | 'cacheFolder'>,
  selector: string,
  kind: TaskLog['kind'],
): { readonly log: TaskLog; readonly others: readonly TaskId[] } {
  const [log, ...older] = taskLogs(open, [selector], [kind]);
  if (log !== undefined)
    return { log, others: [...new Set(older.map(({ id }) => id))].filter((id) => id !== log.id) };
  const what = kind === 'build' ? 'logs' : 'logs of tests';
  const another = kind === 'build' ? 'test' : 'build';
  const hasOther = taskLogs(open, [selector], [another]).length > 0;
  throw new TasksError(1, `no ${what} of ${[...resolveSelectors(open.graph, [selector])].join(', ')}`, {
    hint: hasOther
      ? `it has a log of its ${another}: ${another === 'test' ? 'add --test' : 'leave out --test'}`
      : `a log is written when a task is ${kind === 'build' ? 'built or run' : 'tested'}`,
  });
}

function describe(id: TaskId, kind: TaskLog['kind'], file: string): TaskLog {
  return {
    id,
    kind,
    file,
    started: logTime(file),
    // Another run may just have removed it.
    bytes: statSync(file, { throwIfNoEntry: false })?.size ?? 0,
    isOpen: isLogOpen(file),
  };
}
