import path from 'node:path';
import picomatch from 'picomatch';
import type { Graph, Task, TaskId } from '../model/task.ts';

/**
 * The paths (absolute; folders with all that is below) in which a change can be one of what tasks are made from. Secrets
 * are not among them. More than what counts, so that what is not there yet is noticed, too.
 */
export function watchedPaths(graph: Graph, scope: Iterable<TaskId>, root: string): string[] {
  const relative = [...scope].flatMap((id) => pathsOf(graph.tasks.get(id)!));
  return [...new Set(relative.map((each) => path.resolve(root, each)))];
}

function pathsOf(task: Task): string[] {
  if (task.kind === 'command') {
    const [program] = task.run;
    const inputs = task.inputs.map((pattern) => {
      const { base, isGlob } = picomatch.scan(pattern);
      return isGlob ? base : pattern;
    });
    return [...inputs, ...(program.includes('/') ? [program] : [])];
  }
  const { context, dockerfile, test } = task;
  return [context, dockerfile, `${dockerfile}.dockerignore`, ...(test !== undefined ? [test] : [])];
}

/** True where a change is never a reason to look: our own state, and what tools keep for themselves. */
export function isOwnState(file: string, root: string): boolean {
  const parts = path.relative(root, file).split(path.sep);
  return parts[0] === '.cache' || parts.includes('.git') || parts.includes('node_modules');
}
