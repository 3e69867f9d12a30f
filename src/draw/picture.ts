import type { GraphDocument, GraphEdge, GraphNode } from '../model/documents.ts';
import type { Action, Plan, Reason, Step } from '../model/plan.ts';
import { type Axes, makesFiles, matrixAxes, needIds, type Task, type TaskId } from '../model/task.ts';
import { plannedState, type State } from './state.ts';

/** The kind of a task in a picture. `internal`: an image that is not published. `files`: files that a build exports. */
export type PictureKind = 'image' | 'internal' | 'files' | 'command';

/** A task with its state, for drawing. */
export interface PictureTask {
  readonly id: TaskId;
  readonly name: string;
  readonly version: string;
  /** Undefined for a plain list of versions. */
  readonly axes?: Axes;
  readonly kind: PictureKind;
  readonly state: State;
  readonly action: Action;
  readonly reasons: readonly Reason[];
  /** Only tasks that are in the picture. */
  readonly needs: readonly TaskId[];
  readonly after: readonly TaskId[];
  readonly publish: boolean;
  /** The duration of the last build in milliseconds, which is the estimate for the next. Only pages have it. */
  readonly expectedMs?: number;
}

/** The part of a graph to draw. Needs come before their dependents. */
export interface Picture {
  readonly tasks: readonly PictureTask[];
}

export interface PictureOptions {
  /** Tasks that failed the last time they ran. */
  readonly failed: ReadonlySet<TaskId>;
  /** True to leave out tasks that are up to date or skipped. */
  readonly changedOnly: boolean;
}

/** Returns the picture of a plan. */
export function makePicture(plan: Plan, { failed, changedOnly }: PictureOptions): Picture {
  const steps = [...plan.steps.values()].filter((step) => !changedOnly || isToDo(step));
  const shown = new Set(steps.map(({ task }) => task.id));
  const tasks = steps.map(({ task, action, reasons }) => {
    const axes = matrixAxes(task);
    return {
      id: task.id,
      name: task.name,
      version: task.version,
      ...(axes === undefined ? {} : { axes }),
      kind: kindOf(task),
      state: plannedState(action, failed.has(task.id)),
      action,
      reasons: reasons.map(withoutValues),
      needs: needIds(task).filter((id) => shown.has(id)),
      after: [...new Set(task.after)].filter((id) => shown.has(id)),
      publish: task.publish,
    };
  });
  return { tasks };
}

/** Removes values of environment variables, and all text after them: pictures are published, and the values may be secret. */
function withoutValues({ code, detail }: Reason): Reason {
  return { code, detail: detail.replace(/((?:^|, |: )env \S+) .*/s, '$1 changed') };
}

function isToDo({ action }: Step): boolean {
  return action !== 'reuse' && action !== 'skip';
}

function kindOf(task: Task): PictureKind {
  if (task.kind === 'command') return 'command';
  if (makesFiles(task)) return 'files';
  return task.publish ? 'image' : 'internal';
}

/** Returns the document that `graph --format json` prints. */
export function pictureJson({ tasks }: Picture): GraphDocument {
  const nodes = tasks.map(
    ({ id, name, version, action, publish }): GraphNode => ({
      id,
      name,
      version,
      action,
      publish,
    }),
  );
  const edges = tasks.flatMap(({ id, needs, after }) => [
    ...needs.map((to): GraphEdge => ({ from: id, to, kind: 'needs' })),
    ...after.map((to): GraphEdge => ({ from: id, to, kind: 'after' })),
  ]);
  return { nodes, edges };
}

/** Groups tasks by image name, in the picture's order. */
export function tasksByName({ tasks }: Picture): Map<string, PictureTask[]> {
  const groups = new Map<string, PictureTask[]>();
  for (const task of tasks) {
    const group = groups.get(task.name);
    if (group === undefined) groups.set(task.name, [task]);
    else group.push(task);
  }
  return groups;
}
