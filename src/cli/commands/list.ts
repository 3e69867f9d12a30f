import { resolveSelectors } from '../../graph/select.ts';
import type { ExitCode } from '../../model/errors.ts';
import type { Task } from '../../model/task.ts';
import { alignColumns } from '../../report/format.ts';
import type { CommonFlags } from '../flags.ts';
import type { Io } from '../io.ts';
import { openProject } from '../project.ts';

/** `tasks list`: what there is and what it is for. */
export async function list(selectors: readonly string[], flags: CommonFlags, io: Io): Promise<ExitCode> {
  const { graph } = await openProject(flags, io);
  const ids = selectors.length === 0 ? new Set(graph.tasks.keys()) : resolveSelectors(graph, selectors);
  const tasks = [...graph.tasks.values()].filter((task) => ids.has(task.id));
  if (flags.json) {
    for (const task of tasks) io.json(describe(task));
    return 0;
  }
  const byName = groupByName(tasks);
  const rows = [...byName].map(([name, group]) => [
    name,
    kindOf(group[0]!),
    group.map((task) => task.version).join(' '),
    group[0]!.description ?? '',
  ]);
  for (const line of alignColumns(rows)) io.out(`${line}\n`);
  return 0;
}

function groupByName(tasks: readonly Task[]): Map<string, Task[]> {
  const groups = new Map<string, Task[]>();
  for (const task of tasks) groups.set(task.name, [...(groups.get(task.name) ?? []), task]);
  return groups;
}

function kindOf(task: Task): string {
  if (task.kind === 'command') return 'command';
  if (task.output === 'files') return 'files';
  return task.publish ? 'image' : 'internal image';
}

function describe(task: Task): object {
  const { id, name, version, kind, publish, description } = task;
  return { id, name, version, kind, publish, ...(description !== undefined ? { description } : {}) };
}
