import { openRecords } from '../cache/records.ts';
import { readCommit } from '../engine/git-state.ts';
import { resolveSelectors, withNeeds } from '../graph/select.ts';
import { computeKeys } from '../key/compute-keys.ts';
import { hashManifest } from '../key/hash-manifest.ts';
import { TasksError } from '../model/errors.ts';
import type { Observations } from '../model/observed.ts';
import type { Plan } from '../model/plan.ts';
import type { Engine, EngineImage, Records } from '../model/ports.ts';
import type { Registry } from '../model/registry.ts';
import { makesFiles, type Task, type TaskId } from '../model/task.ts';
import { readOutputDigests } from '../observe/outputs.ts';
import { listRemoteImages } from '../observe/registry-images.ts';
import { queryRemoteImages, type RemoteImageQuery } from '../observe/remote-images.ts';
import { checkReferences } from '../plan/check-references.ts';
import type { PreviousRecord, PushTags } from '../plan/input.ts';
import { makePlan } from '../plan/plan.ts';
import { type Naming, resolveNaming } from '../plan/refs.ts';
import { mayBeCommit } from '../plan/volatile-values.ts';
import type { Host } from './host.ts';
import { type LinkedProject, linkProject } from './link-project.ts';
import { allNodes, openBuilder, type RegistryBuilder } from './nodes.ts';
import { noteExternalResults } from './note-results.ts';
import { type Notify, warnWith } from './notices.ts';
import type { OpenProject } from './open-project.ts';
import type { PlanOptions } from './options.ts';
import { previousRecords } from './previous-records.ts';
import { queryIfReachable, remoteImageQueries, withRegistry } from './remote-images.ts';
import { testable, testedTasks } from './tested-tasks.ts';
import { addUnrunnable, findUnrunnable, type Unrunnable } from './unrunnable.ts';
import { withPlaces } from './with-places.ts';

/** A project's plan, and what it was made from. */
export interface PlannedProject extends Omit<LinkedProject, 'observer'> {
  readonly plan: Plan;
  readonly observations: Observations;
  /** The records that reasons and expected durations come from. */
  readonly previous: ReadonlyMap<TaskId, PreviousRecord>;
  readonly records: Records;
  readonly naming: Naming;
  /** What the engine has. Empty if it was not asked or did not answer. */
  readonly images: readonly EngineImage[];
  /** Undefined if no task of the plan makes an image, or if a builder builds them. */
  readonly engine: Engine | undefined;
  /** Tasks whose tests the engine cannot run because of their platform, and why. Tests that have passed before need not run. */
  readonly untestable: ReadonlyMap<TaskId, string>;
  /** What builds in place of the engine; undefined if no builder is named. */
  readonly registryBuilder: RegistryBuilder | undefined;
}

/** What a plan is for. */
export interface PlanPurpose {
  /** Whether an engine that does not answer is an error. Otherwise the plan assumes that it has no images. */
  readonly needsEngine: boolean;
  /** Whether the tests of the selected images are to run. */
  readonly tests?: boolean;
  /** Whether tests that have passed before run too. */
  readonly retest?: boolean;
  /** For a push: the registry, which must answer, and the tags to set with what they point at now. */
  readonly push?: {
    readonly registry: Registry;
    readonly naming: Naming;
    readonly tags: ReadonlyMap<TaskId, PushTags>;
  };
  /** Whether to read the inputs of all tasks, even of those that have not changed since their keys were computed. */
  readonly readAll?: boolean;
}

/**
 * Reads what the selected tasks are made from and what exists, and decides what to do. Writes nothing but what `.cache`
 * remembers.
 * @throws TasksError
 */
export async function planProject(
  open: OpenProject,
  options: PlanOptions,
  host: Host,
  purpose: PlanPurpose,
): Promise<PlannedProject> {
  return await withPlaces(open, () => readAndPlan(open, options, host, purpose));
}

async function readAndPlan(
  open: OpenProject,
  { selectors, names, builder, force, fromRegistry, signal }: PlanOptions,
  host: Host,
  purpose: PlanPurpose,
): Promise<PlannedProject> {
  const { memo, observer, ...linked } = await linkProject(open, names, host, signal);
  const { graph, root, cacheFolder, project } = linked;
  const { push, needsEngine } = purpose;
  const naming = push?.naming ?? resolveNaming(names, project, host.clock.now());
  const selected = resolveSelectors(graph, selectors);
  const scope = withNeeds(graph, selected);
  const records = openRecords(
    cacheFolder,
    warnWith(host.notify),
    host.connections.sharedStore(),
    hashManifest,
  );
  const tasks = [...scope].map((id) => graph.tasks.get(id)!);
  const hasImages = tasks.some(({ kind }) => kind === 'image');
  const registryBuilder = hasImages
    ? await openBuilder({ builder, names }, project, host, signal)
    : undefined;
  const engine = hasImages && registryBuilder === undefined ? host.connections.engine(signal) : undefined;
  checkReferences(
    [...selected].map((id) => graph.tasks.get(id)!),
    naming,
  );
  const tested = testedTasks(tasks, selected, purpose);
  const queryRegistry = reuseAnswer(async (queries: readonly RemoteImageQuery[]) => {
    if (registryBuilder !== undefined) {
      const isRequired = needsEngine || push !== undefined;
      return await withRegistry(isRequired, host.notify, () =>
        listRemoteImages(registryBuilder.registry, queries, memo),
      );
    }
    if (push !== undefined) return await queryRemoteImages(push.registry, queries);
    return fromRegistry
      ? await queryIfReachable(queries, names.repo ?? project.repo, host, signal)
      : new Map();
  });
  const moment = { commit: await currentCommit(tasks, root, host, signal), now: host.clock.now() };
  let images: readonly EngineImage[] | undefined;
  const unrunnable: Unrunnable = { builds: new Map(), tests: new Map() };
  // A push records what it uploads, with the manifest.
  let readInFull: ReadonlySet<TaskId> = purpose.readAll || push ? scope : new Set();
  for (;;) {
    const { keyed, observations } = await computeKeys(graph, scope, observer, readInFull);
    const fileKeys = tasks.filter(makesFiles).flatMap((task) => keyed.get(task.id)?.key ?? []);
    const known = await records.get([...keyed.values()].map(({ key }) => key));
    const previous = await previousRecords(graph, scope, keyed, records, known);
    images ??= tasks.every(makesFiles) ? [] : await readImages(engine, needsEngine, host.notify);
    const plan = makePlan({
      graph,
      selected,
      scope,
      observations,
      keyed,
      existing: {
        records: known,
        images,
        files: readOutputDigests(cacheFolder, fileKeys, memo),
        remote: await queryRegistry(
          remoteImageQueries(tasks, keyed, naming, {
            tested: testable(tested, observations),
            root,
            memo,
          }),
        ),
      },
      latest: previous,
      naming,
      moment,
      forced: force ? (selectors.length === 0 ? scope : selected) : new Set(),
      tested,
      retest: purpose.retest === true,
      unbuildable: unrunnable.builds,
      untestable: unrunnable.tests,
      registryOnly: registryBuilder !== undefined,
      ...(push ? { pushTags: push.tags } : {}),
    });
    const unread = unreadTasks(plan);
    if (unread.length > 0) {
      readInFull = new Set([...readInFull, ...unread]);
      continue;
    }
    const runners = engine ?? nodePlatforms(registryBuilder);
    const found = await findUnrunnable(plan, observations, tested, runners);
    if (addUnrunnable(unrunnable, found)) continue;
    await noteExternalResults(plan, previous, records, host.clock.now());
    const { tests: untestable } = unrunnable;
    const made = { plan, observations, previous, records, naming, images, untestable };
    return { ...linked, memo, ...made, engine, registryBuilder };
  }
}

function nodePlatforms(builder: RegistryBuilder | undefined): Pick<Engine, 'platforms'> | undefined {
  if (builder === undefined) return undefined;
  return { platforms: async () => await allNodes(await builder.nodes()).platforms() };
}

/** Returns the keys of a plan: of what is reused now, and of what the next build would reuse. */
export function keysInUse({ plan }: Pick<PlannedProject, 'plan'>): Set<string> {
  return new Set([...plan.steps.values()].map(({ key }) => key));
}

/** Returns the commit of the project's checkout, if a label or arg may contain it. */
async function currentCommit(
  tasks: readonly Task[],
  root: string,
  { environment }: Host,
  signal: AbortSignal,
): Promise<string | undefined> {
  const isNamed = tasks.some(
    (task) =>
      task.kind === 'image' && [task.labels, task.args].some((each) => Object.values(each).some(mayBeCommit)),
  );
  return isNamed ? await readCommit(root, environment, signal) : undefined;
}

/** Tasks to be made whose inputs were not read because they had not changed: making them takes more than their keys. */
function unreadTasks({ steps }: Plan): TaskId[] {
  return [...steps.values()]
    .filter(
      ({ action, manifest }) => manifest === undefined && !['reuse', 'skip', 'blocked'].includes(action),
    )
    .map(({ task }) => task.id);
}

/** Returns the last answer again while the question is the same. */
function reuseAnswer<Q, A>(ask: (question: Q) => Promise<A>): (question: Q) => Promise<A> {
  let last: { text: string; answer: Promise<A> } | undefined;
  return async (question) => {
    const text = JSON.stringify(question);
    if (last?.text !== text) last = { text, answer: ask(question) };
    return await last.answer;
  };
}

async function readImages(
  engine: Engine | undefined,
  isRequired: boolean,
  notify: Notify,
): Promise<readonly EngineImage[]> {
  if (engine === undefined) return [];
  try {
    return await engine.images();
  } catch (error) {
    if (isRequired || !(error instanceof TasksError)) throw error;
    notify({ kind: 'engine-unavailable', message: error.message });
    return [];
  }
}
