import type { PageData, PageTask } from '../draw/page-data.ts';
import type { State } from '../draw/state.ts';
import type { TaskId } from '../model/task.ts';

/** The page's data, ready for questions. */
export interface PageModel {
  readonly data: PageData;
  readonly tasks: ReadonlyMap<TaskId, PageTask>;
  readonly dependents: ReadonlyMap<TaskId, readonly TaskId[]>;
  /** How each task stands now; in a live page other than when the page was made. */
  readonly states: Map<TaskId, State>;
}

/** What a person has chosen to see. */
export interface ViewState {
  readonly selected: TaskId | undefined;
  /** "What if I bump this?" */
  readonly bumped: ReadonlySet<TaskId>;
  readonly isPathShown: boolean;
  readonly hidden: ReadonlySet<State>;
  readonly version: string;
  readonly search: string;
}

export const initialViewState: ViewState = {
  selected: undefined,
  bumped: new Set(),
  isPathShown: false,
  hidden: new Set(),
  version: '',
  search: '',
};

/** How a task is drawn besides its state. */
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

function reach(start: Iterable<TaskId>, next: (id: TaskId) => readonly TaskId[]): Set<TaskId> {
  const seen = new Set(start);
  for (const id of seen) for (const other of next(id)) seen.add(other);
  return seen;
}

/** The tasks and all that they need. */
function withNeeds({ tasks }: PageModel, ids: Iterable<TaskId>): Set<TaskId> {
  return reach(ids, (id) => tasks.get(id)?.needs ?? []);
}

/** The tasks and all that needs them. */
function withDependents({ dependents }: PageModel, ids: Iterable<TaskId>): Set<TaskId> {
  return reach(ids, (id) => dependents.get(id) ?? []);
}

/** True where filters and search let a task through. */
export function matchesFilters({ states }: PageModel, { id, version }: PageTask, choice: ViewState): boolean {
  return (
    !choice.hidden.has(states.get(id)!) &&
    (choice.version === '' || version === choice.version) &&
    id.toLowerCase().includes(choice.search.toLowerCase())
  );
}

/**
 * How each task is drawn. A bump comes before the critical path, that before a selection; what is in none of them, or is
 * filtered out, steps back.
 */
export function computeEmphasis(model: PageModel, choice: ViewState): Map<TaskId, Emphasis> {
  const { selected, bumped, isPathShown } = choice;
  const sets: [Emphasis, ReadonlySet<TaskId>][] = [];
  if (bumped.size > 0) sets.push(['bumped', withDependents(model, bumped)]);
  else if (isPathShown) sets.push(['path', new Set(criticalPath(model).ids)]);
  else if (selected !== undefined) {
    sets.push(['need', withNeeds(model, [selected])], ['dependent', withDependents(model, [selected])]);
  }
  const of = (task: PageTask): Emphasis => {
    if (task.id === selected) return 'selected';
    if (!matchesFilters(model, task, choice)) return 'dim';
    const [found] = sets.find(([, ids]) => ids.has(task.id)) ?? [sets.length > 0 ? 'dim' : 'plain'];
    return found;
  };
  return new Map(model.data.tasks.map((task) => [task.id, of(task)]));
}

/** Which needs are drawn as lines in sight: on a path its steps alone, else all between tasks that are emphasised. */
export function highlightedNeeds(
  model: PageModel,
  choice: ViewState,
  emphasis: ReadonlyMap<TaskId, Emphasis>,
): (task: TaskId, need: TaskId) => boolean {
  const isNear = (id: TaskId): boolean => !['dim', 'plain'].includes(emphasis.get(id)!);
  if (!choice.isPathShown || choice.bumped.size > 0) return (task, need) => isNear(task) && isNear(need);
  const { ids } = criticalPath(model);
  const before = new Map(ids.slice(1).map((id, index) => [id, ids[index]]));
  return (task, need) => before.get(task) === need;
}

export interface CriticalPath {
  /** From the first to be made to the last. */
  readonly ids: readonly TaskId[];
  readonly ms: number;
  /** Tasks on it that were never timed. */
  readonly untimed: number;
}

const toBeMade = new Set<State>(['todo', 'failed', 'waiting', 'running']);

/**
 * The chain of needs that takes longest, by the times that tasks took the last time: of what is to be made, or, where
 * nothing is, of everything. `only`: of these tasks.
 */
export function criticalPath({ data, states }: PageModel, only?: ReadonlySet<TaskId>): CriticalPath {
  const todo = data.tasks.filter(({ id }) => only?.has(id) ?? toBeMade.has(states.get(id)!));
  const tasks = todo.length > 0 || only !== undefined ? todo : data.tasks;
  const ends = new Map<TaskId, { ms: number; steps: number; before: TaskId | undefined }>();
  let last: TaskId | undefined;
  // Needs stand before what needs them. Of chains that take equally long, untimed ones say, the one of more tasks.
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

/** What a bump of tasks would cost: all that needs them is made again. */
export function bumpCost(
  model: PageModel,
  bumped: ReadonlySet<TaskId>,
): { tasks: number; ms: number; path: CriticalPath } {
  const touched = withDependents(model, bumped);
  const ms = [...touched].reduce((sum, id) => sum + (model.tasks.get(id)?.expectedMs ?? 0), 0);
  return { tasks: touched.size, ms, path: criticalPath(model, touched) };
}
