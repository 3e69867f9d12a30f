import type { Counts, Happening, Listener, Outcome, StepProgress } from '../model/events.ts';
import { OUTCOMES } from '../model/events.ts';
import type { Step } from '../model/plan.ts';
import type { Clock } from '../model/ports.ts';
import { needIds, type TaskId } from '../model/task.ts';
import type { Results } from '../run/needs.ts';

/** Tells of a push: each of its tasks begins and ends at most once, and all of them end. */
export interface Teller {
  start(step: Step): void;
  progress(step: Step, progress: StepProgress): void;
  /** `tags`: those by which the image is published now. */
  finish(
    step: Step,
    outcome: Outcome,
    more?: { readonly tags?: readonly string[]; readonly error?: string },
  ): void;
  /** The tasks that have not ended. */
  open(): readonly Step[];
  /** Ends the run; what is still open counts as cancelled. */
  end(ok: boolean): Counts;
}

/** `steps`: of the run, each with what is done with it (`upload`, `retag`, `reuse`). */
export function tellOf(
  steps: ReadonlyMap<Step, string>,
  slots: number,
  results: Results,
  clock: Clock,
  listen: Listener,
): Teller {
  const counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  const open = new Map([...steps.keys()].map((step) => [step.task.id, step]));
  const begun = new Map<TaskId, number>();
  const now = (): number => clock.now().getTime();
  const began = now();
  const tell = (happening: Happening): void =>
    listen({ ...happening, time: clock.now().toISOString() } as Parameters<Listener>[0]);
  tell({
    type: 'run-started',
    command: 'push',
    jobs: slots,
    tasks: [...steps].map(([{ task }, action]) => ({ id: task.id, action, needs: needIds(task) })),
  });
  const teller: Teller = {
    start: (step) => {
      const { id } = step.task;
      begun.set(id, now());
      tell({ type: 'task-started', id, action: steps.get(step)! });
    },
    progress: ({ task: { id } }, progress) => tell({ type: 'task-progress', id, ...progress }),
    finish: ({ task: { id } }, outcome, { tags, error } = {}) => {
      if (!open.delete(id)) return;
      counts[outcome]++;
      const record = results.get(id);
      tell({
        type: 'task-finished',
        id,
        outcome,
        ms: now() - (begun.get(id) ?? now()),
        ...(record?.imageId !== undefined ? { imageId: record.imageId, bytes: record.bytes } : {}),
        ...(tags !== undefined ? { tags } : {}),
        ...(error !== undefined ? { error: { message: error } } : {}),
      });
    },
    open: () => [...open.values()],
    end: (ok) => {
      for (const step of open.values()) teller.finish(step, 'cancelled');
      tell({ type: 'run-finished', ok, counts: { ...counts }, ms: now() - began });
      return { ...counts };
    },
  };
  return teller;
}
