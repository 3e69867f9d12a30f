import { plannedState, type State } from '../draw/state.ts';
import type { Outcome, RunEvent } from '../model/events.ts';
import type { TaskId } from '../model/task.ts';

/** A task on its slot, in milliseconds since 1970. */
export interface TimelineBar {
  readonly id: TaskId;
  readonly slot: number;
  readonly start: number;
  /** Undefined while it runs. */
  end?: number;
  state: State;
  /** What it does now. */
  text: string;
}

/** What a task came to in the run. */
export interface TaskResult {
  readonly time: string;
  readonly ms: number;
  readonly bytes: number;
  readonly image?: string;
}

/** What is known of a run from its events. */
export interface RunState {
  readonly states: Map<TaskId, State>;
  readonly bars: TimelineBar[];
  readonly output: Map<TaskId, string[]>;
  readonly errors: Map<TaskId, string>;
  readonly results: Map<TaskId, TaskResult>;
  readonly command: string;
  /** The slots that it may use at once. */
  readonly jobs: number;
  start: number;
  /** The time of the last event. */
  now: number;
  result?: { readonly ok: boolean; readonly ms: number };
}

/** What programs send to terminals. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what they begin with
const colours = /\u001b\[[\d;?]*[a-zA-Z]/g;

/** As many lines of a task's output as are kept. */
const mostLines = 400;

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

const ends: Readonly<Record<Outcome, State>> = {
  built: 'done',
  pulled: 'done',
  retagged: 'done',
  reused: 'current',
  skipped: 'skipped',
  failed: 'failed',
  blocked: 'blocked',
  cancelled: 'cancelled',
};

/** A run after one more of its events; a new run where another begins. */
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
      const taken = new Set(run.bars.filter(({ end }) => end === undefined).map(({ slot }) => slot));
      let slot = 0;
      while (taken.has(slot)) slot++;
      run.bars.push({ id: event.id, slot, start: now, state: 'running', text: event.action });
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
      lines.push(event.line.replace(colours, ''));
      if (lines.length > mostLines) lines.shift();
      break;
    }
    case 'task-finished': {
      const state = ends[event.outcome];
      run.states.set(event.id, state);
      if (event.error !== undefined) run.errors.set(event.id, event.error.message);
      if (state === 'done') run.results.set(event.id, madeOf(event));
      const bar = openBar(run, event.id);
      if (bar !== undefined) Object.assign(bar, { end: now, state, text: event.outcome });
      break;
    }
    case 'run-finished':
      run.result = { ok: event.ok, ms: event.ms };
  }
  return run;
}

function madeOf({ time, ms, bytes = 0, imageId }: Extract<RunEvent, { type: 'task-finished' }>): TaskResult {
  return { time, ms, bytes, ...(imageId !== undefined ? { image: imageId } : {}) };
}

function openBar({ bars }: RunState, id: TaskId): TimelineBar | undefined {
  return bars.findLast((bar) => bar.id === id && bar.end === undefined);
}

/** Results that lie further apart than this are of different runs. */
const pause = 20 * 60_000;

interface Result {
  readonly id: TaskId;
  readonly last?: { readonly time: string; readonly ms: number };
}

/** The last run as far as the results that it left tell: each on the lowest slot that was free. */
export function lastRun(tasks: readonly Result[]): TimelineBar[] {
  const results = tasks.flatMap(({ id, last }) =>
    last === undefined ? [] : [{ id, start: Date.parse(last.time) - last.ms, end: Date.parse(last.time) }],
  );
  results.sort((a, b) => b.end - a.end);
  let earliest = results[0]?.start ?? 0;
  const own = results.filter(({ start, end }) => {
    if (end < earliest - pause) return false;
    earliest = Math.min(earliest, start);
    return true;
  });
  const slots: number[] = [];
  return own
    .sort((a, b) => a.start - b.start)
    .map(({ id, start, end }) => {
      const free = slots.findIndex((until) => until <= start);
      const slot = free < 0 ? slots.length : free;
      slots[slot] = end;
      return { id, slot, start, end, state: 'done', text: '' };
    });
}
