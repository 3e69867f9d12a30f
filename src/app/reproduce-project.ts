import type { ObservedImage } from '../model/observed.ts';
import type { Step } from '../model/plan.ts';
import type { DockerfilePurity } from '../report/reproduce.ts';
import { type Reproduction, reproduce } from '../run/reproduce.ts';
import { requireEngine } from '../run/require-engine.ts';
import type { Host } from './host.ts';
import { allNodes } from './nodes.ts';
import type { PlannedProject } from './plan-project.ts';
import { connectedNodes, makeServices, openAgents } from './run-plan.ts';

/**
 * Rebuilds up-to-date tasks and compares the results, one by one. `planned`: with all tasks read. `sample`: how many tasks at
 * most, spread over the plan.
 * @throws TasksError with exit code 3 if the engine cannot build them
 */
export async function* reproduceProject(
  planned: PlannedProject,
  { sample, signal }: { readonly sample: number | undefined; readonly signal: AbortSignal },
  host: Host,
): AsyncGenerator<Reproduction> {
  const { plan, observations, engine } = planned;
  const reused = [...plan.steps.values()].filter(({ action }) => action === 'reuse');
  const chosen = spread(reused, sample);
  const images = chosen.filter(({ task }) => task.kind === 'image');
  const nodes = images.length > 0 ? await connectedNodes(planned, 1) : [];
  await requireEngine(images, observations, engine ?? (nodes.length > 0 ? allNodes(nodes) : undefined));
  const agents = await openAgents(images, planned, host, signal);
  try {
    yield* reproduce(chosen, plan, observations, makeServices(planned, host, signal, agents, nodes), signal);
  } finally {
    await agents.close();
  }
}

function spread(steps: readonly Step[], count = steps.length): readonly Step[] {
  if (count >= steps.length) return steps;
  return Array.from({ length: count }, (_, at) => steps[Math.floor((at * steps.length) / count)]!);
}

/** Returns one row for each Dockerfile and target of a plan: several versions share it. */
export function dockerfilePurity({ plan, observations }: PlannedProject): DockerfilePurity[] {
  const rows = new Map<string, DockerfilePurity>();
  for (const { task } of plan.steps.values()) {
    const observed = observations.get(task.id);
    if (task.kind !== 'image' || observed?.kind !== 'image') continue;
    const dockerfile = task.target === undefined ? task.dockerfile : `${task.dockerfile} (${task.target})`;
    rows.set(dockerfile, { dockerfile, ...countUnpinned(observed) });
  }
  return [...rows.values()];
}

function countUnpinned({ impure, unpinnedFetches }: ObservedImage): Omit<DockerfilePurity, 'dockerfile'> {
  const count = (what: string): number => unpinnedFetches.filter((fetch) => fetch.what === what).length;
  const downloads = impure.filter(({ kind }) => kind === 'download').length;
  return {
    bases: impure.length - downloads,
    downloads,
    piped: count('piped download'),
    packages: count('package without version'),
  };
}
