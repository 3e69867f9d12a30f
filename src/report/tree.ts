import type { Plan, Step } from '../model/plan.ts';
import type { Graph, TaskId } from '../model/task.ts';
import { needIds } from '../model/task.ts';
import type { Paint } from './reporter.ts';

/** A tree of each task that nothing else in the plan needs, down through what it needs; each task's own tree once. */
export function graphTree(plan: Plan, graph: Graph, paint: Paint): string[] {
  const lines: string[] = [];
  const shown = new Set<TaskId>();
  const isRoot = (id: TaskId): boolean =>
    !(graph.dependents.get(id) ?? []).some((other) => plan.steps.has(other));
  const visit = (id: TaskId, lead: string, branch: string, below: string): void => {
    const step = plan.steps.get(id);
    if (step === undefined) return;
    const needs = needIds(step.task).filter((need) => plan.steps.has(need));
    const again = shown.has(id) && needs.length > 0;
    lines.push(`${lead}${branch}${label(step, paint)}${again ? paint.dim('  (above)') : ''}`);
    if (again) return;
    shown.add(id);
    needs.forEach((need, index) => {
      const last = index === needs.length - 1;
      visit(need, lead + below, last ? '└─ ' : '├─ ', last ? '   ' : '│  ');
    });
  };
  for (const id of plan.steps.keys()) if (isRoot(id)) visit(id, '', '', '');
  return lines;
}

function label(step: Step, paint: Paint): string {
  const name = step.task.publish ? step.task.id : paint.dim(step.task.id);
  const marks: Record<Step['action'], string> = {
    reuse: paint.good('✔'),
    retag: paint.good('✔'),
    pull: paint.good('✔'),
    build: paint.warn('●'),
    run: paint.warn('●'),
    skip: paint.dim('·'),
    blocked: paint.bad('✖'),
  };
  return `${marks[step.action]} ${name}  ${paint.dim(step.action)}`;
}

/** The graph as one JSON value: nodes and edges (from needs to). */
export function graphJson(plan: Plan): { nodes: object[]; edges: object[] } {
  const steps = [...plan.steps.values()];
  const nodes = steps.map(({ task, action }) => ({
    id: task.id,
    name: task.name,
    version: task.version,
    action,
    publish: task.publish,
  }));
  const edges = steps.flatMap(({ task }) => [
    ...needIds(task).map((to) => ({ from: task.id, to, kind: 'needs' })),
    ...task.after.filter((to) => plan.steps.has(to)).map((to) => ({ from: task.id, to, kind: 'after' })),
  ]);
  return { nodes, edges };
}
