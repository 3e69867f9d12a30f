import { command, image } from '../../src/define/index.ts';
import type { Declarations, Definition } from '../../src/define/types.ts';
import { makeGraph } from '../../src/graph/graph.ts';
import type { Graph } from '../../src/model/task.ts';

/** Declarations as if the given exports stood in `tasks/images.ts`. */
export function declare(exports: Readonly<Record<string, Definition>>): Declarations {
  const definitions = Object.entries(exports).map(([name, definition]) => ({
    definition,
    where: { file: 'tasks/images.ts', name },
  }));
  return { definitions, projects: [] };
}

/** The graph of the given exports, for linux/amd64. */
export function graphOf(exports: Readonly<Record<string, Definition>>): Graph {
  return makeGraph(declare(exports), 'linux/amd64');
}

/** `{ app: ['base', 'lib'] }`: images of one version each that need one another; a name that starts with $ is a command. */
export function sketch(needs: Readonly<Record<string, readonly string[]>>): Graph {
  const made: Record<string, Definition> = {};
  for (const [name, list] of Object.entries(needs)) {
    const needed = Object.fromEntries(list.map((other) => [other.replace(/\W/g, ''), () => made[other]!]));
    const plain = name.replace('$', '');
    made[name] = name.startsWith('$')
      ? command({ name: plain, run: ['make-it'], needs: needed })
      : image({ name: plain, context: 'c', needs: needed });
  }
  return graphOf(made);
}
