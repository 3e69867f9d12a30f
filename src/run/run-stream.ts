import {
  type Counts,
  type Listener,
  type Outcome,
  type PlannedTask,
  type RunEvent,
  zeroCounts,
} from '../model/events.ts';
import type { Plan } from '../model/plan.ts';
import type { Clock } from '../model/ports.ts';
import { matrixAxes, needIds, type TaskId } from '../model/task.ts';

/** The event stream of a command's run. */
export interface RunStream {
  /** Receives the events of the run's phases. */
  readonly listen: Listener;
  /** Emits `run-finished`. */
  finish(ok: boolean): void;
}

/**
 * Emits `run-started`, and returns a stream that forwards the events of the run's phases. `plan` holds all tasks of the command,
 * `tested` those that it tests.
 */
export function startRun(
  plan: Plan,
  {
    command,
    jobs,
    tested = new Set(),
  }: { readonly command: string; readonly jobs: number; readonly tested?: ReadonlySet<TaskId> | undefined },
  clock: Pick<Clock, 'now'>,
  listen: Listener,
): RunStream {
  const tasks = plannedTasks(plan);
  const outcomes = new Map<TaskId, Outcome | undefined>(
    tasks.map(({ id, action }) => [id, withoutWork[action]]),
  );
  const started = clock.now();
  listen({
    type: 'run-started',
    time: started.toISOString(),
    command,
    jobs,
    tasks: tasks.map((task): PlannedTask => {
      const axes = matrixAxes(plan.steps.get(task.id)!.task);
      return {
        ...task,
        ...(axes !== undefined ? { axes } : {}),
        ...(tested.has(task.id) ? { tested: true } : {}),
      };
    }),
  });
  return {
    listen(event) {
      if (event.type === 'task-finished')
        outcomes.set(event.id, combineOutcomes(outcomes.get(event.id), event));
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

/** Returns the tasks of a plan, for reporters. */
export function plannedTasks({ steps }: Plan): PlannedTask[] {
  return [...steps.values()].map(({ task, action, expectedMs, reasons: [reason], previousBytes }) => ({
    id: task.id,
    action,
    needs: needIds(task),
    ...(expectedMs !== undefined ? { expectedMs } : {}),
    ...(reason !== undefined ? { reason } : {}),
    ...(previousBytes !== undefined ? { previousBytes } : {}),
  }));
}

/** The outcomes of tasks without work in any phase, by action. */
const withoutWork: Readonly<Record<string, Outcome>> = {
  reuse: 'reused',
  retag: 'reused',
  skip: 'skipped',
  blocked: 'blocked',
};

/** Returns a task's outcome in the run: that of the build phase, unless a later phase failed or only set its tags. */
function combineOutcomes(
  before: Outcome | undefined,
  { phase, outcome }: Extract<RunEvent, { type: 'task-finished' }>,
): Outcome {
  if (before === undefined || phase === 'build') return outcome;
  if (before === 'failed' || before === 'blocked') return before;
  if (['failed', 'blocked', 'cancelled'].includes(outcome)) return outcome;
  return outcome === 'retagged' && (before === 'reused' || before === 'skipped') ? outcome : before;
}

/** Counts the tasks by outcome. A task that never finished counts as cancelled. */
function countOutcomes(outcomes: Iterable<Outcome | undefined>): Counts {
  const counts = zeroCounts();
  for (const outcome of outcomes) counts[outcome ?? 'cancelled']++;
  return counts;
}
