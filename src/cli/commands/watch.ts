import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findRoot } from '../../load/project-root.ts';
import { DefinitionError, type ExitCode, TasksError } from '../../model/errors.ts';
import type { Plan } from '../../model/plan.ts';
import { isIgnoredPath } from '../../observe/watch-paths.ts';
import { pluralize } from '../../report/format.ts';
import { watchAndRun } from '../../run/watch.ts';
import { type CommonFlags, jobsOf, namesOf, reporterOf, viewOf } from '../flags.ts';
import { type Io, warner } from '../io.ts';
import { openProject, planProject } from '../project.ts';
import { followersOf } from '../run.ts';
import { placesOf } from '../watched-places.ts';
import { buildProspect } from './build.ts';

/** `tasks watch`: builds, and builds again whenever something that counts changes, until it is interrupted. */
export async function watch(selectors: readonly string[], flags: CommonFlags, io: Io): Promise<ExitCode> {
  // Wrong flags end it; what is wrong in definitions may be mended while it watches.
  for (const check of [jobsOf, namesOf, reporterOf]) check(flags, io);
  viewOf(flags);
  const root = findRoot(path.resolve(io.cwd, flags.directory ?? '.'));
  const { openWatcher } = await import('../../observe/watcher.ts');
  await watchAndRun({
    openWatcher: (onChange) =>
      openWatcher({ onChange, onProblem: warner(io), isIgnored: (file) => isIgnoredPath(file, root) }),
    run: makeLook(root, selectors, flags, io),
    clock: { sleep: (ms, signal) => delay(ms, undefined, { signal }) },
    signal: io.signal,
  });
  return 130;
}

function makeLook(root: string, selectors: readonly string[], flags: CommonFlags, io: Io) {
  const isQuiet = ['json', 'silent'].includes(reporterOf(flags, io));
  const say = (text: string): void => {
    if (!isQuiet) io.err(`${text}\n`);
  };
  const followers = followersOf(flags, io);
  let watched: readonly string[] = [path.join(root, 'tasks')];
  let isFirst = true;
  /** True: what was shown last is an error, so that its end is worth a word. */
  let isWrong = false;
  /** What was to be done when it last failed: it is not tried again before something else is. */
  let failed: string | undefined;

  const look = async (changed: readonly string[]): Promise<boolean> => {
    const open = await openProject(flags, io);
    watched = placesOf(open, selectors);
    const prospect = await planProject(selectors, flags, io, { withoutEngine: false });
    // Its graph knows what Dockerfiles imply.
    watched = placesOf(prospect, selectors);
    const todo = todoOf(prospect.plan);
    if (todo === failed || (todo === '' && !isFirst && !isWrong)) return false;
    if (changed.length > 0) say(changedText(changed, root));
    const exitCode = await buildProspect(prospect, selectors, flags, io, followers);
    failed = exitCode === 0 ? undefined : todo;
    isWrong = exitCode !== 0;
    return true;
  };

  return async (changed: readonly string[]): Promise<readonly string[]> => {
    let isTold = false;
    try {
      isTold = await look(changed);
    } catch (error) {
      if (!(error instanceof TasksError) || (isFirst && !(error instanceof DefinitionError))) throw error;
      // Shown even where nothing else is: without it nobody knows why nothing happens.
      io.err(`error: ${error.message}\n${error.hint !== undefined ? `hint: ${error.hint}\n` : ''}`);
      [isTold, isWrong, failed] = [true, true, undefined];
    }
    isFirst = false;
    if (isTold && !io.signal.aborted)
      say(`watching for changes in ${pluralize(watched.length, 'place')} (Ctrl-C ends it)\n`);
    return watched;
  };
}

/** Changes with all that is to be done; empty where nothing is. */
function todoOf(plan: Plan): string {
  const todo = [...plan.steps.values()].filter(({ action }) => !['reuse', 'skip'].includes(action));
  return todo.map(({ task, action, key }) => `${task.id} ${action} ${key}`).join('\n');
}

function changedText(changed: readonly string[], root: string): string {
  const more = changed.length > 1 ? ` and ${changed.length - 1} more` : '';
  return `changed: ${path.relative(root, changed[0]!)}${more}`;
}
