import { plannedState, type State } from '../draw/state.ts';
import type { Outcome, RunEvent } from '../model/events.ts';
import type { TaskId } from '../model/task.ts';

/** A bar of the timeline: a task in the lane of its job. Times are in milliseconds since 1970. */
export interface TimelineBar {
  readonly id: TaskId;
  /** The builder node that works on the task. */
  readonly node?: string;
  /** The number of the lane, among those of its node. */
  readonly lane: number;
  readonly start: number;
  /** Undefined while the task is running. */
  end?: number;
  state: State;
  /** The current step, or the outcome. */
  text: string;
}

/** The result of a task in the run. */
export interface TaskResult {
  readonly time: string;
  readonly ms: number;
  readonly bytes: number;
  readonly image?: string;
  readonly node?: string;
}

/** The state of a run, derived from its events. */
export interface RunState {
  readonly states: Map<TaskId, State>;
  readonly bars: TimelineBar[];
  readonly output: Map<TaskId, string[]>;
  readonly errors: Map<TaskId, string>;
  readonly results: Map<TaskId, TaskResult>;
  readonly command: string;
  /** The maximum number of concurrent jobs. */
  readonly jobs: number;
  /** Milliseconds since 1970; 0 before the run starts. */
  start: number;
  /** The time of the last event. */
  now: number;
  result?: { readonly ok: boolean; readonly ms: number };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminal sequences begin with one
const terminalSequences = /\u001b\[[\d;?]*[a-zA-Z]/g;

/** The maximum number of output lines kept per task. */
const maxLines = 400;

export function emptyRunState(): RunState {
  return {
    states: new Map(),
    bars: [],
    output: new Map(),
    errors: new Map(),
    results: new Map(),
    command: '',
    jobs: 0,
    start: 0,
    now: 0,
  };
}

const finalStates: Readonly<Record<Outcome, State>> = {
  built: 'done',
  pulled: 'done',
  retagged: 'done',
  reused: 'current',
  skipped: 'skipped',
  failed: 'failed',
  blocked: 'blocked',
  cancelled: 'cancelled',
};

/** Applies an event to a run and returns that run, or a new one if the event starts a run. */
export function applyEvent(run: RunState, event: RunEvent): RunState {
  const now = Date.parse(event.time);
  if (event.type === 'run-started') {
    const states = event.tasks.map(({ id, action }): [TaskId, State] => {
      const state = plannedState(action as Parameters<typeof plannedState>[0], false) ?? 'todo';
      return [id, state === 'todo' ? 'waiting' : state];
    });
    const { command, jobs } = event;
    return { ...emptyRunState(), command, jobs, states: new Map(states), start: now, now };
  }
  run.now = Math.max(run.now, now);
  switch (event.type) {
    case 'task-started': {
      const { id, node, action } = event;
      const lost = openBar(run, id);
      if (lost !== undefined)
        Object.assign(lost, { end: now, state: 'failed', text: `${lost.node} was lost` });
      const open = run.bars.filter((bar) => bar.end === undefined && bar.node === node);
      const taken = new Set(open.map(({ lane }) => lane));
      let lane = 0;
      while (taken.has(lane)) lane++;
      run.bars.push({ id, ...onNode(node), lane, start: now, state: 'running', text: action });
      run.states.set(event.id, 'running');
      break;
    }
    case 'task-progress': {
      const bar = openBar(run, event.id);
      const at = event.step === undefined ? '' : `${event.step}/${event.steps} `;
      if (bar !== undefined && event.ended === undefined) bar.text = at + event.text;
      break;
    }
    case 'task-output': {
      const lines = run.output.get(event.id) ?? [];
      run.output.set(event.id, lines);
      lines.push(event.line.replace(terminalSequences, ''));
      if (lines.length > maxLines) lines.shift();
      break;
    }
    case 'task-finished': {
      const state = finalStates[event.outcome];
      run.states.set(event.id, state);
      if (event.error !== undefined) run.errors.set(event.id, event.error.message);
      if (state === 'done') run.results.set(event.id, resultOf(event));
      const bar = openBar(run, event.id);
      if (bar !== undefined) Object.assign(bar, { end: now, state, text: event.outcome });
      break;
    }
    case 'run-finished':
      run.result = { ok: event.ok, ms: event.ms };
  }
  return run;
}

function resultOf({
  time,
  ms,
  bytes = 0,
  imageId,
  node,
}: Extract<RunEvent, { type: 'task-finished' }>): TaskResult {
  return { time, ms, bytes, ...(imageId !== undefined ? { image: imageId } : {}), ...onNode(node) };
}

function onNode(node: string | undefined): { readonly node?: string } {
  return node === undefined ? {} : { node };
}

function openBar({ bars }: RunState, id: TaskId): TimelineBar | undefined {
  return bars.findLast((bar) => bar.id === id && bar.end === undefined);
}

/** Results without a run that have more time between them belong to different runs; milliseconds. */
const maxPauseMs = 20 * 60_000;

interface TaskWithResult {
  readonly id: TaskId;
  readonly last?: {
    readonly time: string;
    readonly ms: number;
    readonly run?: string;
    readonly node?: string;
  };
}

interface Result {
  readonly id: TaskId;
  readonly start: number;
  readonly end: number;
  readonly run?: string | undefined;
  readonly node?: string | undefined;
}

/**
 * Reconstructs the last run from the results of its tasks. Each task is in the lowest lane that was free.
 */
export function lastRun(tasks: readonly TaskWithResult[]): TimelineBar[] {
  const results = tasks.flatMap(({ id, last }): Result[] => {
    const end = Date.parse(last?.time ?? '');
    return Number.isNaN(end) ? [] : [{ id, start: end - last!.ms, end, run: last!.run, node: last!.node }];
  });
  const laneEndsOf = new Map<string | undefined, number[]>();
  return ofLastRun(results)
    .sort((a, b) => a.start - b.start)
    .map(({ id, node, start, end }) => {
      const laneEnds = laneEndsOf.get(node) ?? [];
      laneEndsOf.set(node, laneEnds);
      const free = laneEnds.findIndex((laneEnd) => laneEnd <= start);
      const lane = free < 0 ? laneEnds.length : free;
      laneEnds[lane] = end;
      return { id, ...onNode(node), lane, start, end, state: 'done', text: '' };
    });
}

/** The lanes of one builder node, from top to bottom. */
export interface LaneGroup {
  /** Undefined: of this machine or an engine. */
  readonly node: string | undefined;
  readonly first: number;
  readonly count: number;
}

/** Returns the lanes that bars need, by builder node. Those of this machine come first, then the nodes by name. */
export function groupLanes(bars: readonly TimelineBar[]): LaneGroup[] {
  const counts = new Map<string, number>();
  for (const { node = '', lane } of bars) counts.set(node, Math.max(counts.get(node) ?? 0, lane + 1));
  let first = 0;
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => {
      const group = { node: name === '' ? undefined : name, first, count };
      first += count;
      return group;
    });
}

/** Returns the results of the newest run. If no result names its run, as in earlier versions, runs are told apart by pauses. */
function ofLastRun(results: readonly Result[]): Result[] {
  const newest = [...results].sort((a, b) => b.end - a.end);
  const run = newest.find((result) => result.run !== undefined)?.run;
  if (run !== undefined) return newest.filter((result) => result.run === run);
  let earliest = newest[0]?.start ?? 0;
  return newest.filter(({ start, end }) => {
    if (end < earliest - maxPauseMs) return false;
    earliest = Math.min(earliest, start);
    return true;
  });
}
