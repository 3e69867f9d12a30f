import type { TaskId } from '../model/task.ts';
import { chooseAlias, requestedAliases } from '../release/aliases.ts';
import type { PlanFacts } from '../report/plan.ts';
import type { PlannedProject } from './plan-project.ts';

/** Returns what the document of a plan says besides its steps: the aliases that a release sets, and base images. */
export function planFacts({ plan, observations, graph, naming }: PlannedProject): PlanFacts {
  const tasks = [...plan.steps.values()].map(({ task }) => task);
  const aliases = new Map<TaskId, string[]>();
  for (const requested of requestedAliases(tasks)) {
    const { task } = chooseAlias(requested, tasks, graph, undefined);
    if (task === undefined) continue;
    const reference = `${naming.repo}/${requested.name}:${requested.alias}`;
    aliases.set(task.id, [...(aliases.get(task.id) ?? []), reference]);
  }
  const bases = new Map(
    [...observations].flatMap(([id, observed]) =>
      observed.kind === 'image' ? [[id, observed.bases] as const] : [],
    ),
  );
  return { aliases, bases };
}
