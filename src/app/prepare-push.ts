import { resolveSelectors, withNeeds } from '../graph/select.ts';
import { TasksError } from '../model/errors.ts';
import type { Registry } from '../model/registry.ts';
import type { Graph, Task, TaskId } from '../model/task.ts';
import { checkNameLengths } from '../plan/name-lengths.ts';
import type { Naming } from '../plan/refs.ts';
import { checkPermission, resolveTargetTags, type TargetTags } from '../release/preflight.ts';
import type { PublishContext } from '../release/publish-context.ts';
import { recoverUnfinished } from '../release/recovery.ts';
import type { Host } from './host.ts';
import { linkProject } from './link-project.ts';
import type { OpenProject } from './open-project.ts';
import type { PlanOptions } from './options.ts';
import { type PlannedProject, planProject } from './plan-project.ts';
import { publishContext } from './push-context.ts';
import { requireRepository } from './require-repository.ts';
import { withPlaces } from './with-places.ts';

/** What a push is about, before it looks at what exists. */
export interface PreparedPush {
  readonly open: OpenProject;
  readonly options: PlanOptions;
  readonly started: Date;
  /** With the needs that Dockerfiles imply. */
  readonly graph: Graph;
  readonly selected: ReadonlySet<TaskId>;
  readonly naming: Naming;
  /** For uploads, which an interrupt ends. */
  readonly registry: Registry;
  /** For tags. */
  readonly context: PublishContext;
}

/** A push whose target tags are known. */
export interface TargetedPush extends PreparedPush {
  readonly targetTags: TargetTags;
}

/** Resolves names and selectors of a push. @throws TasksError with exit code 2 */
export async function preparePush(
  open: OpenProject,
  options: PlanOptions,
  host: Host,
): Promise<PreparedPush> {
  const { names, selectors, signal } = options;
  if (names.release && names.suffix !== undefined)
    throw new TasksError(2, `--release uses tags without a suffix, but --suffix is "${names.suffix}"`, {
      hint: 'use one of them',
    });
  const started = host.clock.now();
  const naming = requireRepository(open.project, names, started, 'push to');
  const { graph } = await linkProject(open, names, host, signal);
  const selected = resolveSelectors(graph, selectors);
  await withPlaces(open, async () => checkNameLengths(tasksOf(graph, selected), naming));
  const imageNames = [...graph.tasks.values()].map(({ name }) => name);
  return {
    open,
    options,
    started,
    graph,
    selected,
    naming,
    registry: await host.connections.registry(signal),
    context: await publishContext(naming, imageNames, host),
  };
}

/**
 * Checks that the registry accepts pushes, and completes or rolls back a publication that stopped halfway there.
 * `isDead`: the caller knows that its process has ended, so it is not waited for. Returns whether there was one.
 * @throws TasksError
 */
export async function recoverPush(
  { registry, graph, selected, naming, context, options }: PreparedPush,
  isDead: boolean,
): Promise<boolean> {
  await checkPermission(registry, tasksOf(graph, withNeeds(graph, selected)), naming);
  return (await recoverUnfinished(context, isDead, options.signal)).length > 0;
}

/** Asks the registry what the tags of the push point at. @throws RegistryError */
export async function targetPush(push: PreparedPush, { notify }: Host): Promise<TargetedPush> {
  const { registry, graph, selected, naming } = push;
  const targetTags = await resolveTargetTags(registry, tasksOf(graph, selected), graph, naming);
  for (const message of targetTags.notes) notify({ kind: 'alias-kept', message });
  return { ...push, targetTags };
}

/** Plans what a push does, by what the registry has now. @throws TasksError */
export async function planPush(
  { open, options, registry, naming, targetTags }: TargetedPush,
  host: Host,
): Promise<PlannedProject> {
  return await planProject(open, options, host, {
    needsEngine: false,
    tests: true,
    push: { registry, naming, tags: targetTags.published },
  });
}

function tasksOf(graph: Graph, ids: Iterable<TaskId>): Task[] {
  return [...ids].map((id) => graph.tasks.get(id)!);
}
