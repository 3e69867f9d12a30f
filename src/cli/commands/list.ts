import { resolveSelectors } from '../../graph/select.ts';
import type { ExitCode } from '../../model/errors.ts';
import type { Task } from '../../model/task.ts';
import { listLines } from '../../report/list.ts';
import { makePaint } from '../../report/paint.ts';
import { type Context, openHere } from '../context.ts';

/** `tasks list`: prints the images and commands with their versions and descriptions. */
export async function list(context: Context, selectors: readonly string[]): Promise<ExitCode> {
  const { terminal, settings } = context;
  const { graph } = await openHere(context);
  const ids = selectors.length === 0 ? new Set(graph.tasks.keys()) : resolveSelectors(graph, selectors);
  const tasks = [...graph.tasks.values()].filter((task) => ids.has(task.id));
  if (settings.output.json) {
    for (const task of tasks) terminal.json(describe(task));
    return 0;
  }
  const definitions = [...groupByName(tasks)].map(([name, all]) => ({
    name,
    kind: `${kindOf(all[0]!)}${platformsText(all)}`,
    description: all[0]!.description ?? '',
    versions: [...new Map(all.map((task) => [task.version, task])).values()],
  }));
  const paint = makePaint(settings.output.outColor);
  for (const line of listLines(definitions, terminal.outColumns, paint)) terminal.out(`${line}\n`);
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

/** Only several platforms are worth saying: ` for amd64, arm64`. */
function platformsText(tasks: readonly Task[]): string {
  const platforms = new Set(tasks.flatMap(({ platform }) => platform ?? []));
  if (platforms.size < 2) return '';
  return ` for ${[...platforms].map((platform) => platform.replace(/^linux\//, '')).join(', ')}`;
}

function describe(task: Task): object {
  const { id, name, version, kind, publish, platform, description } = task;
  return {
    id,
    name,
    version,
    kind,
    publish,
    ...(platform !== undefined ? { platform } : {}),
    ...(description !== undefined ? { description } : {}),
  };
}
