import type { RunEvent, StepProgress } from '../model/events.ts';
import type { TaskId } from '../model/task.ts';
import type { Reporter } from './reporter.ts';

/** A running task: the number of its job, and the step that each lane of that job currently shows. */
interface RunningTask {
  readonly job: number;
  readonly startedAt: number;
  readonly lanes: ({ name: string; startedAt: number } | undefined)[];
}

/** An event of the Chrome trace format. `ts` and `dur` are in microseconds. */
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

/**
 * The thread IDs reserved for the lanes of one job. Events of one thread must nest, but BuildKit runs steps of several stages at
 * the same time.
 */
const lanesPerJob = 100;

/**
 * Returns a reporter that passes a Chrome trace to `save` when it is closed: JSON for Perfetto or chrome://tracing. Each task has
 * the lowest job number that was free when it started; its steps are below it.
 */
export function traceReporter(save: (text: string) => void): Reporter {
  const events: TraceEvent[] = [];
  const running = new Map<TaskId, RunningTask>();
  /** The time of the last event, in milliseconds. */
  let last = 0;

  const add = (tid: number, name: string, cat: string, from: number, args: TraceEvent['args'] = {}): void => {
    events.push({ name, ph: 'X', pid: 1, tid, ts: from * 1000, dur: (last - from) * 1000, cat, args });
  };
  const endStep = (task: RunningTask, lane: number, ended: string): void => {
    const step = task.lanes[lane]!;
    add(task.job * lanesPerJob + lane + 1, step.name, 'step', step.startedAt, { ended });
    task.lanes[lane] = undefined;
  };
  const onStep = (task: RunningTask | undefined, { step, steps, text, bytes, ended }: StepProgress): void => {
    if (task === undefined) return;
    const name = step === undefined ? text : `[${step}/${steps}] ${text}`;
    if (ended !== undefined) {
      const lane = task.lanes.findIndex((each) => each?.name === name);
      if (lane >= 0) endStep(task, lane, ended);
      return;
    }
    // Bytes of a step that has begun are no new step.
    if (bytes !== undefined && task.lanes.some((each) => each?.name === name)) return;
    const free = task.lanes.indexOf(undefined);
    task.lanes[free < 0 ? task.lanes.length : free] = { name, startedAt: last };
  };
  const endTask = (id: TaskId, args: TraceEvent['args']): void => {
    const task = running.get(id);
    if (task === undefined) return;
    running.delete(id);
    for (const [lane, step] of task.lanes.entries())
      if (step !== undefined) endStep(task, lane, 'with its task');
    add(task.job * lanesPerJob, id, 'task', task.startedAt, args);
  };

  return {
    onEvent(event: RunEvent) {
      last = Date.parse(event.time);
      if (event.type === 'task-started') {
        const taken = new Set([...running.values()].map(({ job }) => job));
        let job = 1;
        while (taken.has(job)) job++;
        running.set(event.id, { job, startedAt: last, lanes: [] });
      }
      if (event.type === 'task-progress') onStep(running.get(event.id), event);
      if (event.type === 'task-finished') endTask(event.id, { outcome: event.outcome, tags: event.tags });
    },
    async close() {
      for (const id of [...running.keys()]) endTask(id, { outcome: 'not finished' });
      save(
        `${JSON.stringify({ traceEvents: [...threadNames(events), ...events], displayTimeUnit: 'ms' })}\n`,
      );
    },
  };
}

/** Returns the metadata events that name and order the threads. */
function threadNames(events: readonly TraceEvent[]): TraceEvent[] {
  const nameThread = (tid: number, name: string): TraceEvent[] => [
    { name: 'thread_name', ph: 'M', pid: 1, tid, args: { name } },
    { name: 'thread_sort_index', ph: 'M', pid: 1, tid, args: { sort_index: tid } },
  ];
  const threads = [...new Set(events.map(({ tid }) => tid))].sort((a, b) => a - b);
  return [
    { name: 'process_name', ph: 'M', pid: 1, tid: 0, args: { name: 'tasks' } },
    ...threads.flatMap((tid) => {
      const job = Math.floor(tid / lanesPerJob);
      return nameThread(tid, tid % lanesPerJob === 0 ? `job ${job}` : `job ${job}, steps`);
    }),
  ];
}
