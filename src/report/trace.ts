import type { RunEvent, StepProgress } from '../model/events.ts';
import type { TaskId } from '../model/task.ts';
import type { Reporter } from './reporter.ts';

/** A running task: its builder node, the number of its job there, and the step that each lane of that job currently shows. */
interface RunningTask {
  readonly pid: number;
  readonly job: number;
  readonly startedAt: number;
  readonly lanes: ({ name: string; startedAt: number } | undefined)[];
}

/** An event of the Chrome trace format. `ts` and `dur` are in microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly ph: 'X' | 'M';
  /** 1 for this machine and an engine; builder nodes count from 2. */
  readonly pid: number;
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
 * the lowest job number that was free when it started; its steps are below it. Of several builder nodes, each has a
 * group of jobs of its own.
 */
export function traceReporter(save: (text: string) => void): Reporter {
  const events: TraceEvent[] = [];
  const running = new Map<TaskId, RunningTask>();
  /** Whether there are several builder nodes. */
  let isGrouped = false;
  /** Their process IDs. */
  const nodes = new Map<string, number>();
  /** The time of the last event, in milliseconds. */
  let last = 0;

  const pidOf = (node: string | undefined): number => {
    if (node === undefined || !isGrouped) return 1;
    const pid = nodes.get(node) ?? nodes.size + 2;
    nodes.set(node, pid);
    return pid;
  };
  const add = (
    { pid, job }: RunningTask,
    lane: number,
    name: string,
    cat: string,
    from: number,
    args: TraceEvent['args'] = {},
  ): void => {
    const tid = job * lanesPerJob + lane;
    events.push({ name, ph: 'X', pid, tid, ts: from * 1000, dur: (last - from) * 1000, cat, args });
  };
  const endStep = (task: RunningTask, lane: number, ended: string): void => {
    const step = task.lanes[lane]!;
    add(task, lane + 1, step.name, 'step', step.startedAt, { ended });
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
    add(task, 0, id, 'task', task.startedAt, args);
  };

  return {
    onEvent(event: RunEvent) {
      last = Date.parse(event.time);
      if (event.type === 'phase-started') isGrouped = (event.nodes ?? []).length > 1;
      if (event.type === 'task-started') {
        endTask(event.id, { outcome: 'lost' });
        const pid = pidOf(event.node);
        const taken = new Set([...running.values()].filter((task) => task.pid === pid).map(({ job }) => job));
        let job = 1;
        while (taken.has(job)) job++;
        running.set(event.id, { pid, job, startedAt: last, lanes: [] });
      }
      if (event.type === 'task-progress') onStep(running.get(event.id), event);
      if (event.type === 'task-finished') endTask(event.id, { outcome: event.outcome, tags: event.tags });
    },
    async close() {
      for (const id of [...running.keys()]) endTask(id, { outcome: 'not finished' });
      const names = [...new Map([['tasks', 1], ...nodes])].flatMap(([name, pid]) =>
        laneNames(
          name,
          pid,
          events.filter((event) => event.pid === pid),
        ),
      );
      save(`${JSON.stringify({ traceEvents: [...names, ...events], displayTimeUnit: 'ms' })}\n`);
    },
  };
}

/** Returns the metadata events that name and order a process and its threads. */
function laneNames(process: string, pid: number, events: readonly TraceEvent[]): TraceEvent[] {
  const nameThread = (tid: number, name: string): TraceEvent[] => [
    { name: 'thread_name', ph: 'M', pid, tid, args: { name } },
    { name: 'thread_sort_index', ph: 'M', pid, tid, args: { sort_index: tid } },
  ];
  const threads = [...new Set(events.map(({ tid }) => tid))].sort((a, b) => a - b);
  return [
    { name: 'process_name', ph: 'M', pid, tid: 0, args: { name: process } },
    ...threads.flatMap((tid) => {
      const job = Math.floor(tid / lanesPerJob);
      return nameThread(tid, tid % lanesPerJob === 0 ? `job ${job}` : `job ${job}, steps`);
    }),
  ];
}
