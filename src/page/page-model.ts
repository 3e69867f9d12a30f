import type { PageData, PageTask } from '../draw/page-data.ts';
import type { State } from '../draw/state.ts';
import type { TaskId } from '../model/task.ts';

/** The data of the page, indexed by task. */
export interface PageModel {
  readonly data: PageData;
  readonly tasks: ReadonlyMap<TaskId, PageTask>;
  readonly dependents: ReadonlyMap<TaskId, readonly TaskId[]>;
  /** The current state of each task, which changes in a live page. */
  readonly states: Map<TaskId, State>;
}

/** What the user has selected and filtered. */
export interface ViewState {
  readonly selected: TaskId | undefined;
  /** Tasks for which the effects of a version bump are shown. */
  readonly bumped: ReadonlySet<TaskId>;
  readonly isPathShown: boolean;
  /** The task that is shown with only its needs and dependents. */
  readonly focused: TaskId | undefined;
  readonly hidden: ReadonlySet<State>;
  /** A version, or a value of an axis as `axis=value`; empty for all. */
  readonly version: string;
  readonly search: string;
}

export const initialViewState: ViewState = {
  selected: undefined,
  bumped: new Set(),
  isPathShown: false,
  focused: undefined,
  hidden: new Set(),
  version: '',
  search: '',
};

/** How a task is highlighted, apart from its state. */
export type Emphasis = 'plain' | 'dim' | 'selected' | 'need' | 'dependent' | 'bumped' | 'path';

export function makePageModel(data: PageData): PageModel {
  const dependents = new Map<TaskId, TaskId[]>(data.tasks.map(({ id }) => [id, []]));
  for (const { id, needs } of data.tasks) for (const need of needs) dependents.get(need)?.push(id);
  return {
    data,
    tasks: new Map(data.tasks.map((task) => [task.id, task])),
    dependents,
    states: new Map(data.tasks.map(({ id, state }) => [id, state])),
  };
}

/** Returns the start and everything that can be reached from it. */
function reach(start: Iterable<TaskId>, next: (id: TaskId) => readonly TaskId[]): Set<TaskId> {
  const seen = new Set(start);
  for (const id of seen) for (const other of next(id)) seen.add(other);
  return seen;
}

/** Returns the tasks and everything that they need. */
function withNeeds({ tasks }: PageModel, ids: Iterable<TaskId>): Set<TaskId> {
  return reach(ids, (id) => tasks.get(id)?.needs ?? []);
}

/** Returns the tasks and all their dependents. */
function withDependents({ dependents }: PageModel, ids: Iterable<TaskId>): Set<TaskId> {
  return reach(ids, (id) => dependents.get(id) ?? []);
}

/** Returns the task with everything that it needs and that needs it; undefined if there is no such task. */
export function surroundings(model: PageModel, id: TaskId | undefined): Set<TaskId> | undefined {
  if (id === undefined || !model.tasks.has(id)) return undefined;
  return new Set([...withNeeds(model, [id]), ...withDependents(model, [id])]);
}

/** Returns true if a task matches the search and the filters. */
export function matchesFilters({ states }: PageModel, task: PageTask, viewState: ViewState): boolean {
  return (
    !viewState.hidden.has(states.get(task.id)!) &&
    hasVersion(task, viewState.version) &&
    task.id.toLowerCase().includes(viewState.search.toLowerCase())
  );
}

function hasVersion({ version, axes = {} }: PageTask, wanted: string): boolean {
  if (wanted === '' || wanted === version) return true;
  return Object.entries(axes).some(([axis, value]) => `${axis}=${value}` === wanted);
}

/** Returns what tasks can be filtered by: versions of plain lists, and values of axes. */
export function versionFilters(tasks: readonly PageTask[]): {
  versions: string[];
  axes: Map<string, string[]>;
} {
  const versions = new Set<string>();
  const axes = new Map<string, Set<string>>();
  for (const task of tasks) {
    if (task.axes === undefined) versions.add(task.version);
    for (const [axis, value] of Object.entries(task.axes ?? {}))
      axes.set(axis, (axes.get(axis) ?? new Set()).add(value));
  }
  return { versions: [...versions], axes: new Map([...axes].map(([axis, values]) => [axis, [...values]])) };
}

/**
 * Returns the emphasis of each task. A bump hides the critical path, which hides the relations of the selection. Tasks that are
 * in none of them, or are filtered out, are dimmed.
 */
export function computeEmphasis(model: PageModel, viewState: ViewState): Map<TaskId, Emphasis> {
  const { selected, bumped, isPathShown } = viewState;
  const sets: [Emphasis, ReadonlySet<TaskId>][] = [];
  if (bumped.size > 0) sets.push(['bumped', withDependents(model, bumped)]);
  else if (isPathShown) sets.push(['path', new Set(criticalPath(model).ids)]);
  else if (selected !== undefined) {
    sets.push(['need', withNeeds(model, [selected])], ['dependent', withDependents(model, [selected])]);
  }
  const emphasisOf = (task: PageTask): Emphasis => {
    if (task.id === selected) return 'selected';
    if (!matchesFilters(model, task, viewState)) return 'dim';
    const [found] = sets.find(([, ids]) => ids.has(task.id)) ?? [sets.length > 0 ? 'dim' : 'plain'];
    return found;
  };
  return new Map(model.data.tasks.map((task) => [task.id, emphasisOf(task)]));
}

/**
 * Returns a function that says whether the line of a need is highlighted. For the critical path those are the links of the path;
 * otherwise all needs between emphasized tasks.
 */
export function highlightedNeeds(
  model: PageModel,
  viewState: ViewState,
  emphasis: ReadonlyMap<TaskId, Emphasis>,
): (task: TaskId, need: TaskId) => boolean {
  const isEmphasized = (id: TaskId): boolean => !['dim', 'plain'].includes(emphasis.get(id)!);
  if (!viewState.isPathShown || viewState.bumped.size > 0)
    return (task, need) => isEmphasized(task) && isEmphasized(need);
  const { ids } = criticalPath(model);
  const previous = new Map(ids.slice(1).map((id, index) => [id, ids[index]]));
  return (task, need) => previous.get(task) === need;
}

export interface CriticalPath {
  /** From the first task to build to the last. */
  readonly ids: readonly TaskId[];
  readonly ms: number;
  /** The number of its tasks that have no recorded duration. */
  readonly untimed: number;
}

const unfinishedStates = new Set<State>(['todo', 'failed', 'waiting', 'running']);

/**
 * Returns the chain of needs that takes longest, by the last durations of its tasks. It considers the tasks in `only`, or else
 * the unfinished tasks, or all tasks if none is unfinished.
 */
export function criticalPath({ data, states }: PageModel, only?: ReadonlySet<TaskId>): CriticalPath {
  const todo = data.tasks.filter(({ id }) => only?.has(id) ?? unfinishedStates.has(states.get(id)!));
  const tasks = todo.length > 0 || only !== undefined ? todo : data.tasks;
  const ends = new Map<TaskId, { ms: number; steps: number; before: TaskId | undefined }>();
  let last: TaskId | undefined;
  // Needs come before their dependents. Of chains with equal durations, such as those without any, the one with more tasks wins.
  const isLonger = (
    a: { ms: number; steps: number },
    b: { ms: number; steps: number } | undefined,
  ): boolean => b === undefined || a.ms > b.ms || (a.ms === b.ms && a.steps > b.steps);
  for (const { id, needs, expectedMs = 0 } of tasks) {
    let before: TaskId | undefined;
    for (const need of needs)
      if (ends.has(need) && isLonger(ends.get(need)!, before === undefined ? undefined : ends.get(before)))
        before = need;
    const { ms, steps } = before === undefined ? { ms: 0, steps: 0 } : ends.get(before)!;
    ends.set(id, { ms: ms + expectedMs, steps: steps + 1, before });
    if (isLonger(ends.get(id)!, last === undefined ? undefined : ends.get(last))) last = id;
  }
  const ids: TaskId[] = [];
  for (let at = last; at !== undefined; at = ends.get(at)!.before) ids.unshift(at);
  const known = new Map(data.tasks.map(({ id, expectedMs }) => [id, expectedMs]));
  return {
    ids,
    ms: last === undefined ? 0 : ends.get(last)!.ms,
    untimed: ids.filter((id) => known.get(id) === undefined).length,
  };
}

/** Returns what a bump of tasks would cost, as all their dependents are rebuilt: tasks, milliseconds of work, critical path. */
export function bumpCost(
  model: PageModel,
  bumped: ReadonlySet<TaskId>,
): { tasks: number; ms: number; untimed: number; path: CriticalPath } {
  const affected = withDependents(model, bumped);
  const times = [...affected].map((id) => model.tasks.get(id)?.expectedMs);
  const ms = times.reduce<number>((sum, each) => sum + (each ?? 0), 0);
  const untimed = times.filter((each) => each === undefined).length;
  return { tasks: affected.size, ms, untimed, path: criticalPath(model, affected) };
}
