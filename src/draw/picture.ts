import type { GraphDocument, GraphEdge, GraphNode } from '../model/documents.ts';
import type { Action, Plan, Reason, Step } from '../model/plan.ts';
import { makesFiles, needIds, type Task, type TaskId } from '../model/task.ts';
import { plannedState, type State } from './state.ts';

/** What a task is, in a word that a picture shows. */
export type PictureKind = 'image' | 'internal' | 'files' | 'command';

/** One task, ready to be drawn. */
export interface PictureTask {
  readonly id: TaskId;
  readonly name: string;
  readonly version: string;
  readonly kind: PictureKind;
  readonly state: State;
  readonly action: Action;
  readonly reasons: readonly Reason[];
  /** Of the picture's tasks alone. */
  readonly needs: readonly TaskId[];
  readonly after: readonly TaskId[];
  readonly publish: boolean;
}

/** The part of a graph that is to be drawn: tasks in an order in which needs stand first. */
export interface Picture {
  readonly tasks: readonly PictureTask[];
}

export interface PictureOptions {
  /** Tasks whose last try did not end well. */
  readonly failed: ReadonlySet<TaskId>;
  /** Only what would be done. */
  readonly changedOnly: boolean;
}

/** A plan as a picture. */
export function makePicture(plan: Plan, { failed, changedOnly }: PictureOptions): Picture {
  const steps = [...plan.steps.values()].filter((step) => !changedOnly || isToDo(step));
  const shown = new Set(steps.map(({ task }) => task.id));
  const tasks = steps.map(({ task, action, reasons }) => ({
    id: task.id,
    name: task.name,
    version: task.version,
    kind: kindOf(task),
    state: plannedState(action, failed.has(task.id)),
    action,
    reasons: reasons.map(withoutValues),
    needs: needIds(task).filter((id) => shown.has(id)),
    after: [...new Set(task.after)].filter((id) => shown.has(id)),
    publish: task.publish,
  }));
  return { tasks };
}

/** Pictures travel: of an environment variable that changed they hold the name alone. What is told behind it goes, too. */
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

/** The tasks of each image, both in the picture's order. */
export function tasksByName({ tasks }: Picture): Map<string, PictureTask[]> {
  const groups = new Map<string, PictureTask[]>();
  for (const task of tasks) {
    const group = groups.get(task.name);
    if (group === undefined) groups.set(task.name, [task]);
    else group.push(task);
  }
  return groups;
}
