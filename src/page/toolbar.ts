import { countStates } from '../draw/state.ts';
import { h } from './dom.ts';
import type { PageModel, ViewState } from './page-model.ts';
import { stateIcon, stateLabel } from './state-icon.ts';

/** Creates a toggle button for each state that occurs. Tasks whose button is pressed are shown. */
export function stateFilterButtons(
  model: PageModel,
  { hidden }: ViewState,
  isRunning: boolean,
  onChange: (hidden: ViewState['hidden']) => void,
): HTMLElement[] {
  return countStates(model.states.values()).map(([state, number]) =>
    h(
      'button',
      {
        type: 'button',
        class: `state s-${state}`,
        'data-state': state,
        'aria-pressed': String(!hidden.has(state)),
        title: 'Show or hide these tasks',
        onclick: () => {
          const next = new Set(hidden);
          if (!next.delete(state)) next.add(state);
          onChange(next);
        },
      },
      stateIcon(state),
      ` ${number} ${stateLabel(state, isRunning)}`,
    ),
  );
}

/** Replaces the buttons in an element. The button of the same state keeps the focus. */
export function replaceStateButtons(holder: HTMLElement, buttons: readonly HTMLElement[]): void {
  const { activeElement } = document;
  const focused = holder.contains(activeElement) ? (activeElement as HTMLElement).dataset.state : undefined;
  holder.replaceChildren(...buttons);
  if (focused !== undefined) buttons.find(({ dataset }) => dataset.state === focused)?.focus();
}
