import { formatDuration, pluralize } from '../report/units.ts';
import {
  bumpCost,
  type CriticalPath,
  criticalPath,
  type PageModel,
  surroundings,
  type ViewState,
} from './page-model.ts';

/** Formats the text above the graph: the focus, and what a bump would cost or the critical path. Empty if nothing is shown. */
export function bannerText(model: PageModel, viewState: ViewState): string {
  const { bumped, focused, isPathShown } = viewState;
  const parts: string[] = [];
  const around = surroundings(model, focused);
  if (around !== undefined)
    parts.push(
      `Only ${focused}, its needs and its dependents: ${pluralize(around.size, 'task')} (Esc to leave).`,
    );
  if (bumped.size > 0) parts.push(bumpText(model, bumped));
  else if (isPathShown) parts.push(pathText(criticalPath(model)));
  return parts.join(' ');
}

function bumpText(model: PageModel, bumped: ViewState['bumped']): string {
  const { tasks, ms, path, untimed } = bumpCost(model, bumped);
  const time =
    ms > 0 ? `: about ${formatDuration(ms)} of work, ${formatDuration(path.ms)} on the critical path` : '';
  const missing = ms > 0 && untimed > 0 ? `, not counting ${pluralize(untimed, 'task')} without a time` : '';
  return `Bumping ${formatList([...bumped])} rebuilds ${tasks} of ${model.data.tasks.length} tasks${time}${missing}.`;
}

function pathText({ ids, ms, untimed }: CriticalPath): string {
  if (ids.length === 0) return 'No tasks.';
  const tasks =
    ids.length === 1 ? ids[0]! : `${pluralize(ids.length, 'task')}, from ${ids[0]} to ${ids.at(-1)}`;
  if (untimed === ids.length) return `No task on the path is timed. The path with the most tasks: ${tasks}.`;
  if (untimed === 0) return `The critical path takes ${formatDuration(ms)}: ${tasks}.`;
  return `The critical path takes at least ${formatDuration(ms)}: ${tasks}. ${untimed} of ${ids.length} are not timed.`;
}

function formatList(ids: readonly string[]): string {
  return ids.length <= 3 ? ids.join(', ') : `${ids.slice(0, 2).join(', ')} and ${ids.length - 2} more`;
}
