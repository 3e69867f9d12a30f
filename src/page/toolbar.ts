import { countStates } from '../draw/state.ts';
import { formatDuration, pluralize } from '../report/units.ts';
import { h } from './dom.ts';
import { bumpCost, criticalPath, type PageModel, type ViewState } from './page-model.ts';
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

/** Formats the text above the graph: what a bump would cost, or the critical path. Empty if neither is shown. */
export function bannerText(model: PageModel, { bumped, isPathShown }: ViewState): string {
  if (bumped.size > 0) {
    const { tasks, ms, path } = bumpCost(model, bumped);
    const time =
      ms > 0 ? `: about ${formatDuration(ms)} of work, ${formatDuration(path.ms)} on the critical path` : '';
    return `Bumping ${formatList([...bumped])} rebuilds ${tasks} of ${model.data.tasks.length} tasks${time}.`;
  }
  if (!isPathShown) return '';
  const path = criticalPath(model);
  const tasks =
    path.ids.length === 1
      ? path.ids[0]
      : `${pluralize(path.ids.length, 'task')}, from ${path.ids[0]} to ${path.ids.at(-1)}`;
  if (path.ms === 0) return `No timing history. The path with the most tasks: ${tasks}.`;
  const untimed = path.untimed > 0 ? ` (no timing history for ${path.untimed} of them)` : '';
  return `The critical path takes ${formatDuration(path.ms)}: ${tasks}${untimed}.`;
}

function formatList(ids: readonly string[]): string {
  return ids.length <= 3 ? ids.join(', ') : `${ids.slice(0, 2).join(', ')} and ${ids.length - 2} more`;
}
