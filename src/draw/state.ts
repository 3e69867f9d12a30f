import type { Action } from '../model/plan.ts';

/** How a task stands, in a picture. The last four only while a run goes on. */
export type State =
  | 'here'
  | 'todo'
  | 'failed'
  | 'blocked'
  | 'skip'
  | 'waiting'
  | 'running'
  | 'made'
  | 'cancelled';

export interface StateStyle {
  /** One character, for text. */
  readonly symbol: string;
  readonly label: string;
  /** Its symbol as a path in a square from -5 to 5: told apart without colour. */
  readonly shape: string;
  /** True: the path is drawn as a line, not filled. */
  readonly isLine?: boolean;
}

/** In the order in which a person looks for them. */
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
  todo: { symbol: '●', label: 'to be done', shape: 'M4.2 0A4.2 4.2 0 1 1 4.2-.01z' },
  made: { symbol: '✚', label: 'done', shape: 'M-1.6-4.5H1.6V-1.6H4.5V1.6H1.6V4.5H-1.6V1.6H-4.5V-1.6H-1.6z' },
  here: { symbol: '✔', label: 'up to date', shape: 'M-4 .5-1.2 3.3 4-3.2', isLine: true },
  skip: { symbol: '·', label: 'not needed', shape: 'M-2.5 0H2.5', isLine: true },
  cancelled: { symbol: '□', label: 'cancelled', shape: 'M-3.6-3.6H3.6V3.6H-3.6z', isLine: true },
};

export const STATES = Object.keys(STATE_STYLES) as readonly State[];

const planned: Readonly<Record<Action, State>> = {
  reuse: 'here',
  retag: 'here',
  pull: 'here',
  build: 'todo',
  run: 'todo',
  skip: 'skip',
  blocked: 'blocked',
};

/** How a planned task stands. `hasFailed`: its last try did not end well. */
export function plannedState(action: Action, hasFailed: boolean): State {
  const state = planned[action];
  return state === 'todo' && hasFailed ? 'failed' : state;
}

/** How many tasks are in each state, of those that any is in. */
export function countStates(states: Iterable<State>): [State, number][] {
  const counts = new Map<State, number>();
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  return STATES.filter((state) => counts.has(state)).map((state) => [state, counts.get(state)!]);
}
