import type { Counts, Listener, Outcome, PlannedTask, RunEvent } from '../model/events.ts';
import { OUTCOMES } from '../model/events.ts';
import type { Plan } from '../model/plan.ts';
import type { Clock } from '../model/ports.ts';
import { needIds, type TaskId } from '../model/task.ts';

/** The one run of a command. */
export interface RunStream {
  /** Takes the events of the run's phases. */
  readonly listen: Listener;
  /** Finishes the run. */
  finish(ok: boolean): void;
}

/** Starts a run: reports it, and passes on the events of its phases. `plan`: everything that the command may do. */
export function startRun(
  plan: Plan,
  { command, jobs }: { readonly command: string; readonly jobs: number },
  clock: Pick<Clock, 'now'>,
  listen: Listener,
): RunStream {
  const tasks = plannedTasks(plan);
  const outcomes = new Map<TaskId, Outcome | undefined>(
    tasks.map(({ id, action }) => [id, withoutWork[action]]),
  );
  const started = clock.now();
  listen({ type: 'run-started', time: started.toISOString(), command, jobs, tasks });
  return {
    listen(event) {
      if (event.type === 'task-finished') outcomes.set(event.id, combine(outcomes.get(event.id), event));
      listen(event);
    },
    finish(ok) {
      const now = clock.now();
      const ms = now.getTime() - started.getTime();
      listen({
        type: 'run-finished',
        time: now.toISOString(),
        ok,
        counts: countOutcomes(outcomes.values()),
        ms,
      });
    },
  };
}

/** The tasks of a plan, for reporters. */
export function plannedTasks({ steps }: Plan): PlannedTask[] {
  return [...steps.values()].map(({ task, action, expectedMs }) => ({
    id: task.id,
    action,
    needs: needIds(task),
    ...(expectedMs !== undefined ? { expectedMs } : {}),
  }));
}

/** The outcome of a task that no phase has to do anything about, by its action. */
const withoutWork: Readonly<Record<string, Outcome>> = {
  reuse: 'reused',
  retag: 'reused',
  skip: 'skipped',
  blocked: 'blocked',
};

/** The outcome of a task in the whole run: what the build made of it, unless a later phase failed or only set its tags. */
function combine(
  before: Outcome | undefined,
  { phase, outcome }: Extract<RunEvent, { type: 'task-finished' }>,
): Outcome {
  if (before === undefined || phase === 'build') return outcome;
  if (before === 'failed' || before === 'blocked') return before;
  if (['failed', 'blocked', 'cancelled'].includes(outcome)) return outcome;
  return outcome === 'retagged' && (before === 'reused' || before === 'skipped') ? outcome : before;
}

/** How many tasks have each outcome; a task that never finished counts as cancelled. */
function countOutcomes(outcomes: Iterable<Outcome | undefined>): Counts {
  const counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  for (const outcome of outcomes) counts[outcome ?? 'cancelled']++;
  return counts;
}
