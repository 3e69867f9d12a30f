import { STATE_STYLES, type State } from '../draw/state.ts';
import { parseSvg } from './dom.ts';

/** A state's mark, as in the drawing. */
export function stateIcon(state: State): SVGElement {
  const { shape, isLine } = STATE_STYLES[state];
  return parseSvg(
    `<svg class="mark s-${state}" width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true"><path class="${isLine ? 'stroke' : 'fill'}" d="${shape}"/></svg>`,
  );
}

/** The words of a state in a page, where `failed` may also be of now. */
export function stateLabel(state: State, isRunning: boolean): string {
  return state === 'failed' && isRunning ? 'failed' : STATE_STYLES[state].label;
}
