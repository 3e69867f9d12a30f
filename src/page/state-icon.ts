import { STATE_STYLES, type State } from '../draw/state.ts';
import { parseSvg } from './dom.ts';

/** Renders the icon of a state, as in the drawing. */
export function stateIcon(state: State): SVGElement {
  const { shape, isLine } = STATE_STYLES[state];
  return parseSvg(
    `<svg class="mark s-${state}" width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true"><path class="${isLine ? 'stroke' : 'fill'}" d="${shape}"/></svg>`,
  );
}

/** Returns the label of a state. `isRunning`: a failure is of the current run, not of the last one. */
export function stateLabel(state: State, isRunning: boolean): string {
  return state === 'failed' && isRunning ? 'failed' : STATE_STYLES[state].label;
}
