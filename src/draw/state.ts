import type { Action } from '../model/plan.ts';

/** The state of a task in a picture. The last four occur only during a run. `current`: up to date. */
export type State =
  | 'current'
  | 'todo'
  | 'failed'
  | 'blocked'
  | 'skipped'
  | 'waiting'
  | 'running'
  | 'done'
  | 'cancelled';

export interface StateStyle {
  /** One character, for text output. */
  readonly symbol: string;
  readonly label: string;
  /** The icon as SVG path data, from -5 to 5 in both directions. Icons differ without color. */
  readonly shape: string;
  /** True if the path is stroked rather than filled. */
  readonly isLine?: boolean;
}

/** The most important states come first. */
export const STATE_STYLES: Readonly<Record<State, StateStyle>> = {
  failed: {
    symbol: '✖',
    label: 'failed last time',
    shape: 'M-3.5-3.5 3.5 3.5M3.5-3.5-3.5 3.5',
    isLine: true,
  },
  blocked: { symbol: '■', label: 'blocked', shape: 'M-4-4H4V4H-4z' },
  running: {
    symbol: '◐',
    label: 'running',
    shape: 'M0-4.5A4.5 4.5 0 0 0 0 4.5zM.7-4.5v1A3.5 3.5 0 0 1 .7 3.5v1A4.5 4.5 0 0 0 .7-4.5z',
  },
  waiting: { symbol: '◌', label: 'waiting', shape: 'M3.8 0A3.8 3.8 0 1 1 3.8-.01z', isLine: true },
  todo: { symbol: '●', label: 'to do', shape: 'M4.2 0A4.2 4.2 0 1 1 4.2-.01z' },
  done: { symbol: '✚', label: 'done', shape: 'M-1.6-4.5H1.6V-1.6H4.5V1.6H1.6V4.5H-1.6V1.6H-4.5V-1.6H-1.6z' },
  current: { symbol: '✔', label: 'up to date', shape: 'M-4 .5-1.2 3.3 4-3.2', isLine: true },
  skipped: { symbol: '·', label: 'skipped', shape: 'M-2.5 0H2.5', isLine: true },
  cancelled: { symbol: '□', label: 'canceled', shape: 'M-3.6-3.6H3.6V3.6H-3.6z', isLine: true },
};

export const STATES = Object.keys(STATE_STYLES) as readonly State[];

const planned: Readonly<Record<Action, State>> = {
  reuse: 'current',
  retag: 'current',
  pull: 'current',
  build: 'todo',
  run: 'todo',
  skip: 'skipped',
  blocked: 'blocked',
};

/** Returns the state of a planned task. `hasFailed`: it failed the last time it ran. */
export function plannedState(action: Action, hasFailed: boolean): State {
  const state = planned[action];
  return state === 'todo' && hasFailed ? 'failed' : state;
}

/** Counts states and leaves out those that do not occur. */
export function countStates(states: Iterable<State>): [State, number][] {
  const counts = new Map<State, number>();
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  return STATES.filter((state) => counts.has(state)).map((state) => [state, counts.get(state)!]);
}
