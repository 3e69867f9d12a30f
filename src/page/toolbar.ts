import { countStates } from '../draw/state.ts';
import { formatDuration, pluralize } from '../report/units.ts';
import { h } from './dom.ts';
import { bumpCost, criticalPath, type PageModel, type ViewState } from './page-model.ts';
import { stateIcon, stateLabel } from './state-icon.ts';

/** A row of buttons, one for each state that any task is in: pressed ones are shown. */
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
        title: 'show or hide these',
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

/** Puts the buttons in place of older ones; what has the keyboard keeps it. */
export function replaceStateButtons(holder: HTMLElement, buttons: readonly HTMLElement[]): void {
  const { activeElement } = document;
  const focused = holder.contains(activeElement) ? (activeElement as HTMLElement).dataset.state : undefined;
  holder.replaceChildren(...buttons);
  if (focused !== undefined) buttons.find(({ dataset }) => dataset.state === focused)?.focus();
}

/** What stands above the graph while something is emphasised: what a bump would cost, which path is the longest. */
export function bannerText(model: PageModel, { bumped, isPathShown }: ViewState): string {
  if (bumped.size > 0) {
    const { tasks, ms, path } = bumpCost(model, bumped);
    const time =
      ms > 0 ? `: about ${formatDuration(ms)} of work, ${formatDuration(path.ms)} on the longest path` : '';
    return `A bump of ${listed([...bumped])} makes ${tasks} of ${model.data.tasks.length} tasks again${time}.`;
  }
  if (!isPathShown) return '';
  const path = criticalPath(model);
  const ends = `${pluralize(path.ids.length, 'task')}, from ${path.ids[0]} to ${path.ids.at(-1)}`;
  if (path.ms === 0) return `Nothing was timed here yet. The longest path by number: ${ends}.`;
  const unknown = path.untimed > 0 ? ` (${path.untimed} of them never timed)` : '';
  return `The longest path takes ${formatDuration(path.ms)}: ${ends}${unknown}.`;
}

function listed(ids: readonly string[]): string {
  return ids.length <= 3 ? ids.join(', ') : `${ids.slice(0, 2).join(', ')} and ${ids.length - 2} more`;
}
