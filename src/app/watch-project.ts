import path from 'node:path';
import { resolveSelectors, withNeeds } from '../graph/select.ts';
import { compiledInputs } from '../load/compile.ts';
import { TasksError } from '../model/errors.ts';
import type { RunOutcome } from '../model/events.ts';
import type { Plan } from '../model/plan.ts';
import type { Watcher } from '../model/ports.ts';
import { isIgnoredPath, linksOnPath, watchedPaths } from '../observe/watch-paths.ts';
import { watchAndRun } from '../run/watch.ts';
import type { Host } from './host.ts';
import { warnWith } from './notices.ts';
import type { OpenProject } from './open-project.ts';
import type { PlannedProject } from './plan-project.ts';

/** What a watch does, and whom it tells. */
export interface WatchHandlers {
  /** Reads the definitions as they are now. @throws TasksError */
  open(): Promise<OpenProject>;
  /** @throws TasksError */
  plan(open: OpenProject): Promise<PlannedProject>;
  build(planned: PlannedProject): Promise<RunOutcome>;
  /** A build is about to start because of changes to these files (absolute paths). */
  onChange(changed: readonly string[]): void;
  /** Definitions or inputs are wrong; the watch continues. @throws the error, to end the watch */
  onError(error: TasksError, isFirst: boolean): void;
  /** A build or an error is over; so many places are watched for changes. */
  onIdle(places: number): void;
}

/** Builds, and builds again whenever an input or a definition changes, until the signal. `root`: the project's, absolute. */
export async function watchProject(
  root: string,
  selectors: readonly string[],
  handlers: WatchHandlers,
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  await watchAndRun({
    openWatcher: await watcherFor(host, (file) => isIgnoredPath(file, root)),
    run: makeWatchRun(root, selectors, handlers, signal),
    clock: host.clock,
    signal,
  });
}

function makeWatchRun(
  root: string,
  selectors: readonly string[],
  { open, plan, build, onChange, onError, onIdle }: WatchHandlers,
  signal: AbortSignal,
) {
  let watched: readonly string[] = [path.join(root, 'tasks')];
  let isFirst = true;
  /** Whether the last thing shown is an error: then the next success is worth a message. */
  let hasError = false;
  /** What was to be done when it last failed: the same is not tried again. */
  let failed: string | undefined;
  /** The keys of all tasks when a build last ended. */
  let built: string | undefined;

  const runOnce = async (changed: readonly string[]): Promise<boolean> => {
    const project = await open();
    watched = placesToWatch(project, selectors);
    const planned = await plan(project);
    // Its graph has the needs that Dockerfiles imply.
    watched = placesToWatch(planned, selectors);
    const work = workOf(planned.plan);
    const keys = keysOf(planned.plan);
    // With other keys there may be nothing to build, but tags to move: an edit was undone.
    if (work === failed || (work === '' && keys === built && !hasError)) return false;
    if (changed.length > 0) onChange(changed);
    const outcome = await build(planned);
    failed = outcome === 'ok' ? undefined : work;
    hasError = outcome !== 'ok';
    built = keys;
    return true;
  };

  return async (changed: readonly string[]): Promise<readonly string[]> => {
    let isShown = false;
    try {
      isShown = await runOnce(changed);
    } catch (error) {
      if (!(error instanceof TasksError)) throw error;
      onError(error, isFirst);
      [isShown, hasError, failed] = [true, true, undefined];
    }
    isFirst = false;
    if (isShown && !signal.aborted) onIdle(watched.length);
    return watched;
  };
}

/** Changes with all that is to be done; empty if nothing is. */
function workOf(plan: Plan): string {
  const work = [...plan.steps.values()].filter(({ action }) => !['reuse', 'skip'].includes(action));
  return work
    .map(({ task, action, key, reasons }) => {
      // What blocks a task may be outside of its key.
      const why = action === 'blocked' ? JSON.stringify(reasons) : '';
      return `${task.id} ${action} ${key} ${why}`;
    })
    .join('\n');
}

/** Changes with the content of any task. */
function keysOf({ steps }: Plan): string {
  return [...steps.values()].map(({ task, key }) => `${task.id} ${key}`).join('\n');
}

/** Returns a function that opens file watchers. `isIgnored`: of a changed file (absolute). */
export async function watcherFor(
  host: Host,
  isIgnored: (file: string) => boolean,
): Promise<(onChange: (path: string) => void) => Watcher> {
  const { openWatcher } = await import('../observe/watcher.ts');
  return (onChange) => openWatcher({ onChange, onProblem: warnWith(host.notify), isIgnored });
}

/** Returns the paths where a change can matter to the selected tasks: definitions, what they import, what tasks read. */
export function placesToWatch(
  { graph, root, cacheFolder }: OpenProject,
  selectors: readonly string[],
): string[] {
  const { files, folders } = compiledInputs(path.join(cacheFolder, 'definitions'));
  return [
    path.join(root, 'tasks'),
    ...files,
    ...folders.flatMap((folder) => linksOnPath(folder, root)),
    ...watchedPaths(graph, withNeeds(graph, resolveSelectors(graph, selectors)), root),
  ];
}
