import type {
  Counts,
  EventAction,
  EventBody,
  Listener,
  Outcome,
  Phase,
  StepProgress,
  TaskFailure,
} from '../model/events.ts';
import { zeroCounts } from '../model/events.ts';
import type { Step } from '../model/plan.ts';
import type { Clock } from '../model/ports.ts';
import { needIds, type TaskId } from '../model/task.ts';
import type { Results } from '../run/needs.ts';

/** Emits the events of one phase of a push. Each task starts and finishes at most once, and all of them finish. */
export interface PhaseEvents {
  start(step: Step): void;
  progress(step: Step, progress: StepProgress): void;
  /** Emits that a task finished, unless it already has. `tags`: the tags that the image is now published under. */
  finish(
    step: Step,
    outcome: Outcome,
    more?: { readonly tags?: readonly string[]; readonly error?: TaskFailure },
  ): void;
  /** Returns the tasks that have not finished. */
  unfinished(): readonly Step[];
  /** Ends the phase. Tasks that have not finished count as cancelled. */
  end(ok: boolean): Counts;
}

/** Starts a phase. `steps`: its tasks, each with its action (`upload`, `retag`, `reuse`). `jobs`: how many run at once. */
export function startPhase(
  phase: Phase,
  steps: ReadonlyMap<Step, EventAction>,
  jobs: number,
  results: Results,
  clock: Pick<Clock, 'now'>,
  listen: Listener,
): PhaseEvents {
  const counts = zeroCounts();
  const open = new Map([...steps.keys()].map((step) => [step.task.id, step]));
  const startTimes = new Map<TaskId, number>();
  const now = (): number => clock.now().getTime();
  const phaseStart = now();
  const emit = (body: EventBody): void =>
    listen({ ...body, time: clock.now().toISOString() } as Parameters<Listener>[0]);
  emit({
    type: 'phase-started',
    phase,
    jobs,
    tasks: [...steps].map(([{ task }, action]) => ({ id: task.id, action, needs: needIds(task) })),
  });
  const events: PhaseEvents = {
    start: (step) => {
      const { id } = step.task;
      startTimes.set(id, now());
      emit({ type: 'task-started', phase, id, action: steps.get(step)! });
    },
    progress: ({ task: { id } }, progress) => emit({ type: 'task-progress', phase, id, ...progress }),
    finish: ({ task: { id } }, outcome, { tags, error } = {}) => {
      if (!open.delete(id)) return;
      counts[outcome]++;
      const record = results.get(id);
      emit({
        type: 'task-finished',
        phase,
        id,
        outcome,
        ms: now() - (startTimes.get(id) ?? now()),
        ...(record?.imageId !== undefined ? { imageId: record.imageId, bytes: record.bytes } : {}),
        ...(tags !== undefined ? { tags } : {}),
        ...(error !== undefined ? { error } : {}),
      });
    },
    unfinished: () => [...open.values()],
    end: (ok) => {
      for (const step of open.values()) events.finish(step, 'cancelled');
      emit({ type: 'phase-finished', phase, ok, counts: { ...counts }, ms: now() - phaseStart });
      return { ...counts };
    },
  };
  return events;
}
