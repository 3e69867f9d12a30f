import type { RunEvent, StepProgress } from '../model/events.ts';
import type { TaskId } from '../model/task.ts';
import type { Reporter } from './reporter.ts';

/** A task that runs: its slot, and its steps by the lane that each is drawn on. */
interface Open {
  readonly slot: number;
  readonly startedAt: number;
  readonly lanes: ({ name: string; startedAt: number } | undefined)[];
}

/** One event of the Chrome trace format; `ts` and `dur` in microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly ph: 'X' | 'M';
  readonly pid: 1;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly cat?: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** Room for the lanes of one slot. Events of one thread must nest, and BuildKit's steps of several stages do not. */
const lanesPerSlot = 100;

/**
 * Follows runs and hands over a Chrome trace of them as JSON when it is closed, for Perfetto or chrome://tracing: each
 * task on the lowest slot that was free when it started, its steps below it.
 */
export function traceReporter(save: (text: string) => void): Reporter {
  const events: TraceEvent[] = [];
  const open = new Map<TaskId, Open>();
  let last = 0;

  const add = (tid: number, name: string, cat: string, from: number, args: TraceEvent['args'] = {}): void => {
    events.push({ name, ph: 'X', pid: 1, tid, ts: from * 1000, dur: (last - from) * 1000, cat, args });
  };
  const endStep = (task: Open, lane: number, ended: string): void => {
    const step = task.lanes[lane]!;
    add(task.slot * lanesPerSlot + lane + 1, step.name, 'step', step.startedAt, { ended });
    task.lanes[lane] = undefined;
  };
  const onStep = (task: Open | undefined, { step, steps, text, ended }: StepProgress): void => {
    if (task === undefined) return;
    const name = step === undefined ? text : `[${step}/${steps}] ${text}`;
    if (ended !== undefined) {
      const lane = task.lanes.findIndex((each) => each?.name === name);
      if (lane >= 0) endStep(task, lane, ended);
      return;
    }
    const free = task.lanes.indexOf(undefined);
    task.lanes[free < 0 ? task.lanes.length : free] = { name, startedAt: last };
  };
  const end = (id: TaskId, args: TraceEvent['args']): void => {
    const task = open.get(id);
    if (task === undefined) return;
    open.delete(id);
    for (const [lane, step] of task.lanes.entries())
      if (step !== undefined) endStep(task, lane, 'with its task');
    add(task.slot * lanesPerSlot, id, 'task', task.startedAt, args);
  };

  return {
    onEvent(event: RunEvent) {
      last = Date.parse(event.time);
      if (event.type === 'task-started') {
        const taken = new Set([...open.values()].map(({ slot }) => slot));
        let slot = 1;
        while (taken.has(slot)) slot++;
        open.set(event.id, { slot, startedAt: last, lanes: [] });
      }
      if (event.type === 'task-progress') onStep(open.get(event.id), event);
      if (event.type === 'task-finished') end(event.id, { outcome: event.outcome, tags: event.tags });
    },
    async close() {
      for (const id of [...open.keys()]) end(id, { outcome: 'not finished' });
      save(`${JSON.stringify({ traceEvents: [...namesOf(events), ...events], displayTimeUnit: 'ms' })}\n`);
    },
  };
}

function namesOf(events: readonly TraceEvent[]): TraceEvent[] {
  const named = (tid: number, name: string): TraceEvent[] => [
    { name: 'thread_name', ph: 'M', pid: 1, tid, args: { name } },
    { name: 'thread_sort_index', ph: 'M', pid: 1, tid, args: { sort_index: tid } },
  ];
  const threads = [...new Set(events.map(({ tid }) => tid))].sort((a, b) => a - b);
  return [
    { name: 'process_name', ph: 'M', pid: 1, tid: 0, args: { name: 'tasks' } },
    ...threads.flatMap((tid) => {
      const slot = Math.floor(tid / lanesPerSlot);
      return named(tid, tid % lanesPerSlot === 0 ? `slot ${slot}` : `slot ${slot}, steps`);
    }),
  ];
}
