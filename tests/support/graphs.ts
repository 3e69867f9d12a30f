import path from 'node:path';
import { command, image } from '../../src/define/index.ts';
import type { Declarations, Definition } from '../../src/define/types.ts';
import { makeGraph } from '../../src/graph/graph.ts';
import { hashManifest } from '../../src/key/hash-manifest.ts';
import { makeManifest } from '../../src/key/manifest.ts';
import type { Observations } from '../../src/model/observed.ts';
import type { Key, Manifest } from '../../src/model/record.ts';
import { type Graph, needIds, type TaskId } from '../../src/model/task.ts';
import { type ObserveOptions, observeAll, openObserver } from '../../src/observe/observer.ts';

/** Returns declarations as if `tasks/images.ts` had the given exports. */
export function declare(exports: Readonly<Record<string, Definition>>): Declarations {
  const definitions = Object.entries(exports).map(([name, definition]) => ({
    definition,
    where: { file: 'tasks/images.ts', name },
  }));
  return { definitions, projects: [] };
}

/** Returns the graph of the given exports, for linux/amd64. */
export function graphOf(exports: Readonly<Record<string, Definition>>): Graph {
  return makeGraph(declare(exports), 'linux/amd64');
}

/** Returns the graph of images with one version each and these needs: `{ app: ['base', 'lib'] }`. `$name` is a command. */
export function graphOfNeeds(needs: Readonly<Record<string, readonly string[]>>): Graph {
  const definitions: Record<string, Definition> = {};
  for (const [name, list] of Object.entries(needs)) {
    const needed = Object.fromEntries(
      list.map((other) => [other.replace(/\W/g, ''), () => definitions[other]!]),
    );
    const taskName = name.replace('$', '');
    definitions[name] = name.startsWith('$')
      ? command({ name: taskName, run: ['make-it'], needs: needed })
      : image({ name: taskName, context: 'c', needs: needed });
  }
  return graphOf(definitions);
}

/** Returns the key and manifest of each of the given tasks, except for tasks with a problem and their dependents. */
export function makeKeys(graph: Graph, ids: ReadonlySet<TaskId>, observations: Observations) {
  const keyed = new Map<TaskId, { key: Key; manifest: Manifest }>();
  const keys = new Map<TaskId, Key>();
  for (const task of graph.tasks.values()) {
    const observed = observations.get(task.id);
    if (!ids.has(task.id) || (observed?.kind !== 'image' && observed?.kind !== 'command')) continue;
    if (!needIds(task).every((id) => keys.has(id))) continue;
    const manifest = makeManifest(task, observed, keys);
    keys.set(task.id, hashManifest(manifest));
    keyed.set(task.id, { key: keys.get(task.id)!, manifest });
  }
  return keyed;
}

/** Reads the inputs of the given tasks, starting with an empty deps log. */
export async function observe(
  graph: Graph,
  ids: Iterable<TaskId>,
  options: Omit<ObserveOptions, 'depsLogFile' | 'warn'>,
): Promise<Observations> {
  const traces = path.join(options.root, '.cache/traces');
  const observer = openObserver({ ...options, depsLogFile: traces, warn: () => undefined });
  return await observeAll(
    [...ids].map((id) => graph.tasks.get(id)!),
    observer,
  );
}
