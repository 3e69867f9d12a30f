import type { TaskId } from '../model/task.ts';

/** A task and the builder node that works on it. */
interface OnNode {
  readonly id: TaskId;
  readonly node?: string;
}

/** The builder nodes of a phase. A single one is not worth naming. */
export interface NodeNames {
  start(names: readonly string[] | undefined): void;
  pad(node: string | undefined): string;
  /** Returns where a task starts: ` on ci0`. */
  started(event: OnNode): string;
  /** Returns where a task has finished. */
  finished(event: OnNode): string;
}

/** Returns no names; `start` gives them. */
export function makeNodeNames(): NodeNames {
  let [isShown, width] = [false, 0];
  /** The nodes of running tasks. */
  const current = new Map<TaskId, string>();
  const text = (node: string | undefined): string => (isShown && node !== undefined ? ` on ${node}` : '');
  return {
    start(names = []) {
      isShown = names.length > 1;
      width = isShown ? Math.max(...names.map((name) => name.length)) : 0;
      current.clear();
    },
    pad: (node = '') => (isShown ? node.padEnd(width) : ''),
    started({ id, node }) {
      const lost = current.get(id);
      if (node !== undefined) current.set(id, node);
      return `${text(node)}${lost === undefined ? '' : ` again: ${lost} was lost`}`;
    },
    finished({ id, node }) {
      current.delete(id);
      return text(node);
    },
  };
}
