import { resolveSelectors, withNeeds } from '../graph/select.ts';
import { TasksError } from '../model/errors.ts';
import type { Registry } from '../model/registry.ts';
import { type Graph, type Task, type TaskId, versionIdOf } from '../model/task.ts';
import { checkReferences } from '../plan/check-references.ts';
import { platformTasks, publishedDigest } from '../plan/published-digest.ts';
import type { Naming } from '../plan/refs.ts';
import { checkPermission, noTags, resolveTargetTags, type TargetTags } from '../release/preflight.ts';
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
  /** Whether it sets no tags. */
  readonly isUploadOnly: boolean;
  /** For uploads, which an interrupt ends. */
  readonly registry: Registry;
  /** For tags. */
  readonly context: PublishContext;
}

/** A push whose target tags are known. */
export interface TargetedPush extends PreparedPush {
  readonly targetTags: TargetTags;
}

/**
 * Resolves names and selectors of a push. `isUploadOnly`: it sets no tags, so that some platforms of a version are enough.
 * @throws TasksError with exit code 2
 */
export async function preparePush(
  open: OpenProject,
  options: PlanOptions,
  host: Host,
  isUploadOnly: boolean,
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
  if (!isUploadOnly) requireAllPlatforms(graph, selected);
  await withPlaces(open, async () => checkReferences(tasksOf(graph, selected), naming));
  const imageNames = [...graph.tasks.values()].map(({ name }) => name);
  return {
    open,
    options,
    started,
    graph,
    selected,
    naming,
    isUploadOnly,
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

/** Asks the registry what the tags of the push point at, if it sets any. @throws RegistryError */
export async function targetPush(push: PreparedPush, { notify }: Host): Promise<TargetedPush> {
  const { registry, graph, selected, naming } = push;
  const tasks = tasksOf(graph, selected);
  if (push.isUploadOnly) return { ...push, targetTags: noTags(tasks) };
  const targetTags = await resolveTargetTags(registry, tasks, graph, naming);
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

/** Returns the digest that the tags of a task get, if the registry has everything already. */
export function presentDigest(
  { graph, plan }: Pick<PlannedProject, 'graph' | 'plan'>,
  id: TaskId,
): string | undefined {
  return publishedDigest(platformTasks(graph, graph.tasks.get(id)!), (each) => plan.steps.get(each)?.remote);
}

/** An index is published with all platforms of its version, or not at all. */
function requireAllPlatforms(graph: Graph, selected: ReadonlySet<TaskId>): void {
  for (const id of selected) {
    const task = graph.tasks.get(id)!;
    if (!task.publish) continue;
    const missing = platformTasks(graph, task).filter((each) => !selected.has(each.id));
    if (missing.length === 0) continue;
    const version = versionIdOf(id);
    throw new TasksError(
      2,
      `a push publishes all platforms of ${version}, but ${missing[0]!.id} is not selected`,
      {
        hint: `select ${version}, or use --upload-only to upload some platforms; a push of all then sets the tags`,
      },
    );
  }
}

function tasksOf(graph: Graph, ids: Iterable<TaskId>): Task[] {
  return [...ids].map((id) => graph.tasks.get(id)!);
}
