import { listCacheEntries } from '../cache/entries.ts';
import { removeEntries, selectExpired } from '../cache/trim.ts';
import type { Counts, RunOutcome } from '../model/events.ts';
import type { TaskId } from '../model/task.ts';
import type { RunResult } from '../run/run.ts';
import { imageNames } from '../run/run-outcomes.ts';
import type { Host } from './host.ts';
import { warnWith } from './notices.ts';
import type { RunOptions } from './options.ts';
import { keysInUse, type PlannedProject } from './plan-project.ts';
import { buildPhase, inOneRun } from './run-plan.ts';

export interface BuildResult {
  readonly outcome: RunOutcome;
  readonly counts: Counts;
  /** Tasks that started and failed, in that order. */
  readonly failed: readonly TaskId[];
  /** The run tags of the selected images that are here now. */
  readonly tags: readonly string[];
}

/**
 * Builds a planned project, then removes old entries from `.cache` if the whole project was planned.
 * `isWholeProject`: whether the plan was made without selectors.
 * @throws TasksError with exit code 3 if the engine cannot build it
 */
export async function buildProject(
  planned: PlannedProject,
  options: RunOptions & { readonly isWholeProject: boolean },
  host: Host,
): Promise<BuildResult> {
  const { outcome, counts, failed, results } = await inOneRun(
    'build',
    planned,
    options,
    host,
    (onEvent) => buildPhase(planned, options, host, onEvent),
    (result) => result.outcome === 'ok',
  );
  trimCache(planned, { counts, results }, options.isWholeProject, host);
  const done = [...planned.plan.steps.values()].filter(({ task }) => results.has(task.id));
  const tags = done.flatMap((step) =>
    planned.registryBuilder === undefined ? step.tags : imageNames(step, results.get(step.task.id)!),
  );
  return { outcome, counts, failed, tags };
}

/**
 * Notes which results were used, and removes old ones after a build of the whole project: a build of a part does not know what
 * the rest still uses.
 */
function trimCache(
  planned: PlannedProject,
  { counts, results }: Pick<RunResult, 'counts' | 'results'>,
  isWholeProject: boolean,
  { clock, notify }: Host,
): void {
  const { cacheFolder, records } = planned;
  const used = [...results.values()].map(({ key }) => key);
  try {
    records.markUsed(used, clock.now());
    if (counts.built > 0 && isWholeProject)
      removeEntries(selectExpired(listCacheEntries(cacheFolder), keysInUse(planned), clock.now()));
  } catch (error) {
    // The build itself succeeded.
    warnWith(notify)(`cannot remove old entries from .cache: ${(error as Error).message}`);
  }
}
