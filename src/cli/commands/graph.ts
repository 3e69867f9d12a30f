import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type ExitCode, TasksError } from '../../model/errors.ts';
import type { Plan } from '../../model/plan.ts';
import { makePaint } from '../../report/paint.ts';
import { graphJson, graphTree } from '../../report/tree.ts';
import { type CommonFlags, hasColor } from '../flags.ts';
import type { Io } from '../io.ts';
import { planProject } from '../project.ts';

export interface GraphFlags extends CommonFlags {
  readonly format?: string;
  readonly output?: string;
  readonly changed?: boolean;
}

/** `tasks graph`: the graph with each task's state. */
export async function graph(selectors: readonly string[], flags: GraphFlags, io: Io): Promise<ExitCode> {
  const format = flags.json ? 'json' : (flags.format ?? 'tree');
  if (!['tree', 'json'].includes(format)) {
    throw new TasksError(2, `--format is "${format}"`, { hint: 'expected tree or json' });
  }
  const prospect = await planProject(selectors, flags, io, { withoutEngine: true });
  const shown = flags.changed ? onlyChanged(prospect.plan) : prospect.plan;
  const paint = makePaint(flags.output === undefined && hasColor(flags, io, io.outIsTerminal));
  const text =
    format === 'json' ? JSON.stringify(graphJson(shown)) : graphTree(shown, prospect.graph, paint).join('\n');
  if (flags.output === undefined) io.out(`${text}\n`);
  else writeFileSync(path.resolve(io.cwd, flags.output), `${text}\n`);
  return 0;
}

function onlyChanged(plan: Plan): Plan {
  return { steps: new Map([...plan.steps].filter(([, step]) => !['reuse', 'skip'].includes(step.action))) };
}
