import type { RunEvent } from '../model/events.ts';
import type { Clock } from '../model/ports.ts';
import type { TaskId } from '../model/task.ts';
import { formatDuration } from './format.ts';
import { makeRunningSteps, type RunningSteps } from './running-steps.ts';
import { startTicker } from './ticker.ts';

/** After how many milliseconds without a line a running task says that it is still running. */
const silenceMs = 60_000;
/** How often that is checked, in milliseconds. */
const checkMs = 5_000;

interface RunningTask {
  readonly startedAt: number;
  printedAt: number;
  readonly steps: RunningSteps;
}

/** Prints lines for tasks that run long without printing any, so that a log that only grows does not look dead. */
export interface Heartbeat {
  /** To be called with each event of a phase. */
  apply(event: RunEvent): void;
  /** A line of the task was printed. */
  printed(id: TaskId): void;
  stop(): void;
}

/** `print` gets what a task says: `still running, 2 m, step 3/5 RUN make`; `now` is the time then. */
export function startHeartbeat(
  clock: Clock,
  print: (id: TaskId, text: string, now: Date) => void,
): Heartbeat {
  const running = new Map<TaskId, RunningTask>();
  let stop: (() => void) | undefined;
  const check = (): void => {
    const now = clock.now();
    for (const [id, task] of running) {
      if (now.getTime() - task.printedAt < silenceMs) continue;
      task.printedAt = now.getTime();
      print(
        id,
        `still running, ${formatMinutes(now.getTime() - task.startedAt)}${stepText(task.steps)}`,
        now,
      );
    }
  };
  return {
    apply(event) {
      if (event.type === 'task-started') {
        const startedAt = clock.now().getTime();
        running.set(event.id, { startedAt, printedAt: startedAt, steps: makeRunningSteps() });
        stop ??= startTicker(clock, checkMs, check);
      }
      if (event.type === 'task-progress') running.get(event.id)?.steps.apply(event, Date.parse(event.time));
      if (event.type === 'task-finished') running.delete(event.id);
    },
    printed(id) {
      const task = running.get(id);
      if (task !== undefined) task.printedAt = clock.now().getTime();
    },
    stop: () => stop?.(),
  };
}

function stepText(steps: RunningSteps): string {
  const step = steps.current();
  if (step === undefined) return '';
  return step.place === undefined ? `, ${step.text}` : `, step ${step.place} ${step.text}`;
}

/** Formats a duration in whole minutes: `2 m`, `1 h 5 m`. */
function formatMinutes(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60 ? `${minutes} m` : formatDuration(minutes * 60_000);
}
