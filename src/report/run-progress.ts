import type { PlannedTask, RunEvent } from '../model/events.ts';
import type { TaskId } from '../model/task.ts';

/** How far a phase is. */
export interface PhaseProgress {
  readonly finished: number;
  readonly total: number;
  /** The part of the work that is done, from 0 to 1. Tasks without a recorded duration count like the average of the others. */
  readonly fraction: number;
  /**
   * How long the rest takes at least, in milliseconds: the longest path, or all work divided by the jobs, of the tasks whose duration
   * is recorded. Undefined if none has one.
   */
  readonly leftMs: number | undefined;
  /** The number of unfinished tasks without a recorded duration. `leftMs` does not contain them. */
  readonly untimed: number;
  /** True if a task runs clearly longer than the last time. */
  readonly isLate: boolean;
  /** The task at the end of the longest path. */
  readonly last: TaskId | undefined;
  readonly hasFailed: boolean;
}

/** Derives the progress of a phase from its events. */
export interface ProgressTracker {
  apply(event: RunEvent): void;
  /** `now`: milliseconds since 1970. */
  read(now: number): PhaseProgress;
}

interface Task {
  readonly needs: readonly TaskId[];
  readonly expectedMs: number | undefined;
  state: 'waiting' | 'running' | 'finished';
  /** Milliseconds since 1970. */
  startedAt: number;
  /** The part of its steps that are done, from 0 to 1. */
  stepsDone: number;
}

/** A running task never counts as more than this, however long it runs. */
const maxRunning = 0.95;

/** A task is late if it takes longer than the last time by a part and a second: durations always differ a little. */
const [lateFactor, lateMs] = [1.1, 1_000];

/** Returns whether a phase has something to do for a task. */
export function isActive({ action }: Pick<PlannedTask, 'action'>): boolean {
  return action !== 'reuse' && action !== 'skip' && action !== 'blocked';
}

/** Returns how long a task is expected to take, in milliseconds. The duration of a build says nothing about a download. */
export function expectedMsOf({ action, expectedMs }: PlannedTask): number | undefined {
  return action === 'build' || action === 'run' ? expectedMs : undefined;
}

export function trackProgress(): ProgressTracker {
  const tasks = new Map<TaskId, Task>();
  let jobs = 1;
  let hasFailed = false;

  const apply = (event: RunEvent): void => {
    switch (event.type) {
      case 'phase-started':
        tasks.clear();
        ({ jobs } = event);
        for (const task of event.tasks.filter(isActive))
          tasks.set(task.id, {
            needs: task.needs,
            expectedMs: expectedMsOf(task),
            state: 'waiting',
            startedAt: 0,
            stepsDone: 0,
          });
        break;
      case 'task-started': {
        const task = tasks.get(event.id);
        if (task !== undefined)
          Object.assign(task, { state: 'running', startedAt: Date.parse(event.time), stepsDone: 0 });
        break;
      }
      case 'task-progress': {
        const task = tasks.get(event.id);
        const { step, steps, ended } = event;
        if (task === undefined || step === undefined || steps === undefined) break;
        // Stages have steps of their own, so the number may go back.
        task.stepsDone = Math.max(task.stepsDone, (ended === undefined ? step - 1 : step) / steps);
        break;
      }
      case 'task-finished': {
        const task = tasks.get(event.id);
        if (task !== undefined) task.state = 'finished';
        hasFailed ||= event.outcome === 'failed';
        break;
      }
    }
  };

  const doneOf = (task: Task, now: number): number => {
    if (task.state !== 'running') return task.state === 'finished' ? 1 : 0;
    const done = task.expectedMs === undefined ? task.stepsDone : (now - task.startedAt) / task.expectedMs;
    return Math.min(maxRunning, Math.max(0, done));
  };

  const read = (now: number): PhaseProgress => {
    const all = [...tasks.values()];
    const timed = all.flatMap(({ expectedMs }) => expectedMs ?? []);
    const average = timed.length === 0 ? 1 : timed.reduce((sum, ms) => sum + ms, 0) / timed.length;
    let [work, done] = [0, 0];
    for (const task of all) {
      const weight = task.expectedMs ?? average;
      work += weight;
      done += weight * doneOf(task, now);
    }
    return {
      finished: all.filter(({ state }) => state === 'finished').length,
      total: all.length,
      fraction: work === 0 ? 0 : done / work,
      ...restOf(tasks, jobs, now),
      hasFailed,
    };
  };

  return { apply, read };
}

function restOf(
  tasks: ReadonlyMap<TaskId, Task>,
  jobs: number,
  now: number,
): Pick<PhaseProgress, 'leftMs' | 'untimed' | 'isLate' | 'last'> {
  const ends = new Map<TaskId, number>();
  let [work, longest, untimed, timed] = [0, 0, 0, 0];
  let isLate = false;
  let last: TaskId | undefined;
  for (const [id, { needs, expectedMs, state, startedAt }] of tasks) {
    if (state === 'finished') continue;
    if (expectedMs === undefined) untimed++;
    else timed++;
    const elapsed = state === 'running' ? now - startedAt : 0;
    if (expectedMs !== undefined && elapsed > lateFactor * expectedMs + lateMs) isLate = true;
    const left = Math.max(0, (expectedMs ?? 0) - elapsed);
    let start = 0;
    for (const need of needs) start = Math.max(start, ends.get(need) ?? 0);
    ends.set(id, start + left);
    work += left;
    if (start + left >= longest) [last, longest] = [id, start + left];
  }
  return { leftMs: timed === 0 ? undefined : Math.max(longest, work / jobs), untimed, isLate, last };
}
