import { LOOKS, type State } from '../draw/state.ts';
import { svg } from './dom.ts';

/** A state's mark, as in the drawing. */
export function markOf(state: State): SVGElement {
  const { shape, isLine } = LOOKS[state];
  return svg(
    `<svg class="mark s-${state}" width="14" height="14" viewBox="-7 -7 14 14" aria-hidden="true"><path class="${isLine ? 'stroke' : 'fill'}" d="${shape}"/></svg>`,
  );
}

/** The words of a state in a page, where `failed` may also be of now. */
export function wordsOf(state: State, isRunning: boolean): string {
  return state === 'failed' && isRunning ? 'failed' : LOOKS[state].words;
}
