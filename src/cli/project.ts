import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { openRecords } from '../cache/records.ts';
import { writeNewFile } from '../disk/write.ts';
import { dockerEngine } from '../engine/docker.ts';
import { resolveEndpoint } from '../engine/endpoint.ts';
import { proxyArgs } from '../engine/proxies.ts';
import { makeGraph, resolveProject } from '../graph/graph.ts';
import type { ImpliedNeed } from '../graph/implied-needs.ts';
import { resolveSelectors, withNeeds } from '../graph/select.ts';
import { type Memo, openMemo } from '../incremental/memo.ts';
import { computeKeys } from '../key/compute-keys.ts';
import { hashManifest } from '../key/hash-manifest.ts';
import { loadDeclarations } from '../load/load.ts';
import { findRoot } from '../load/project-root.ts';
import { TasksError } from '../model/errors.ts';
import type { Observations } from '../model/observed.ts';
import type { Plan } from '../model/plan.ts';
import type { Engine, EngineImage, Observer, Records } from '../model/ports.ts';
import type { Registry } from '../model/registry.ts';
import { type Graph, makesFiles, type Project, type Task, type TaskId } from '../model/task.ts';
import { readLock } from '../observe/lock-file.ts';
import { openObserver } from '../observe/observer.ts';
import { readOutputDigests } from '../observe/outputs.ts';
import { queryRemoteImages, type RemoteImageQuery } from '../observe/remote-images.ts';
import type { PreviousRecord, PushTags } from '../plan/input.ts';
import { checkNameLengths } from '../plan/name-lengths.ts';
import { makePlan } from '../plan/plan.ts';
import { type Naming, resolveNaming } from '../plan/refs.ts';
import { type CommonFlags, type GlobalFlags, namesOf } from './flags.ts';
import { type Io, warner } from './io.ts';
import { linkedGraph } from './linked.ts';
import { nearestOf } from './nearest.ts';
import { noteFound } from './note-found.ts';
import { asksRegistry, glance, remotePlaces } from './remote.ts';
import { sharedStore } from './shared.ts';
import { triggerAsker } from './triggers.ts';

/** A project as its definitions say it is. */
export interface OpenProject {
  readonly root: string;
  readonly cacheFolder: string;
  readonly project: Project;
  readonly graph: Graph;
  readonly profile: string;
}

/** Finds and reads a project's definitions. @throws TasksError exit 2 */
export async function openProject(flags: GlobalFlags, io: Io): Promise<OpenProject> {
  const root = findRoot(path.resolve(io.cwd, flags.directory ?? '.'));
  const cacheFolder = path.join(root, '.cache');
  // Files that definitions read by relative paths stand there, wherever it was started.
  io.enter(root);
  ignoreOwnFolder(cacheFolder);
  const profile = flags.profile ?? (io.environment.TASKS_PROFILE || 'default');
  const declarations = await loadDeclarations({
    root,
    profile,
    cacheFolder: path.join(cacheFolder, 'definitions'),
    programId: io.programId,
    loadModule: io.loadModule,
  });
  if (declarations.definitions.length > 10) io.onMany();
  const graph = makeGraph(declarations, defaultPlatform());
  if (graph.tasks.size === 0) {
    throw new TasksError(
      2,
      `the definitions in ${path.join(root, 'tasks')} declare no task (profile ${profile})`,
      {
        hint: 'export an image() or command(), or choose another --profile',
      },
    );
  }
  const project = resolveProject(declarations);
  checkNameLengths(graph.tasks.values(), resolveNaming({ suffix: '', release: true }, project, io.now()));
  return { root, cacheFolder, project, graph, profile };
}

/** A project whose graph has the needs that its Dockerfiles imply, and what reads its tasks. */
export interface LinkedProject extends OpenProject {
  /** The needs that no definition declares. */
  readonly implied: readonly ImpliedNeed[];
  readonly memo: Memo;
  readonly observer: Observer;
}

/** Opens a project and completes its graph, for the repository of this run. @throws TasksError exit 2 */
export async function openLinked(flags: CommonFlags, io: Io): Promise<LinkedProject> {
  const open = await openProject(flags, io);
  const { memo, observer } = observing(open, io);
  const { repo } = resolveNaming(namesOf(flags, io), open.project, io.now());
  const { graph, needs } = await linkedGraph(open, observer, repo);
  return { ...open, graph, implied: needs, memo, observer };
}

/** A new `.cache` keeps itself out of version control, whatever the project's own ignore file says. */
function ignoreOwnFolder(cacheFolder: string): void {
  if (existsSync(cacheFolder)) return;
  try {
    mkdirSync(cacheFolder, { recursive: true });
    writeNewFile(path.join(cacheFolder, '.gitignore'), '*\n');
  } catch {
    // Whoever needs to write there says so.
  }
}

/** Everything known about what would be done: the plan, and what it was made from. */
export interface Prospect extends OpenProject {
  /** The needs that no definition declares. */
  readonly implied: readonly ImpliedNeed[];
  readonly plan: Plan;
  readonly observations: Observations;
  /** The records that reasons and durations come from. */
  readonly latest: ReadonlyMap<TaskId, PreviousRecord>;
  readonly records: Records;
  readonly memo: Memo;
  readonly naming: Naming;
  /** What the engine has; empty where it was not asked, or did not answer. */
  readonly images: readonly EngineImage[];
  /** Undefined where nothing in the plan makes an image. */
  readonly engine: Engine | undefined;
}

/** The keys of a plan: what is reused now, and what would be after the next build. */
export function keysInUse({ plan }: Pick<Prospect, 'plan'>): Set<string> {
  return new Set([...plan.steps.values()].map(({ key }) => key));
}

export interface PlanOptions {
  /** True: an engine that does not answer is said once and counts as empty. False: it is an error. */
  readonly withoutEngine: boolean;
  /** True: the selected images' tests are to run. */
  readonly tests?: boolean;
  /** True: even those that have passed. */
  readonly retest?: boolean;
  /** For a push: the registry, which must answer, and what the tags that are to be set point at. */
  readonly push?: {
    readonly registry: Registry;
    readonly naming: Naming;
    readonly published: ReadonlyMap<TaskId, PushTags>;
  };
  /** True: all tasks are read, those too that have not moved since their keys were made. */
  readonly inFull?: boolean;
}

/** Reads, decides, and returns the plan; changes nothing but what is remembered in `.cache`. */
export async function planProject(
  selectors: readonly string[],
  flags: CommonFlags,
  io: Io,
  options: PlanOptions,
): Promise<Prospect> {
  const names = namesOf(flags, io);
  const { memo, observer, ...open } = await openLinked(flags, io);
  const { graph, root, cacheFolder } = open;
  const naming = options.push?.naming ?? resolveNaming(names, open.project, io.now());
  const selected = resolveSelectors(graph, selectors);
  const scope = withNeeds(graph, selected);
  const records = openRecords(cacheFolder, warner(io), sharedStore(io), hashManifest);
  const tasks = [...scope].map((id) => graph.tasks.get(id)!);
  const engine = tasks.some((task) => task.kind === 'image') ? dockerEngine(io.environment, io) : undefined;
  checkNameLengths(
    [...selected].map((id) => graph.tasks.get(id)!),
    naming,
  );
  const tested = testedOf(tasks, selected, options);
  const isAsked = options.push !== undefined || asksRegistry(flags, io);
  const askRegistry = onceFor((places: readonly RemoteImageQuery[]) =>
    options.push === undefined
      ? glance(places, flags, io, names.repo ?? open.project.repo)
      : queryRemoteImages(options.push.registry, places),
  );
  let images: readonly EngineImage[] | undefined;
  // A push records what it uploads, with the manifest.
  let inFull: ReadonlySet<TaskId> = options.inFull || options.push ? scope : new Set();
  for (;;) {
    const { keyed, observations } = await computeKeys(graph, scope, observer, inFull);
    const fileKeys = tasks.filter(makesFiles).flatMap((task) => keyed.get(task.id)?.key ?? []);
    const known = await records.get([...keyed.values()].map(({ key }) => key));
    const latest = await nearestOf(graph, scope, keyed, records, known);
    images ??= tasks.every(makesFiles) ? [] : await seeImages(engine, io, options);
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
        remote: isAsked
          ? await askRegistry(remotePlaces(tasks, keyed, naming, { tested, root, memo }))
          : new Map(),
      },
      latest,
      naming,
      forced: flags.force ? (selectors.length === 0 ? scope : selected) : new Set(),
      tested,
      retest: options.retest === true,
      ...(options.push ? { pushTags: options.push.published } : {}),
    });
    const unread = unreadOf(plan);
    if (unread.length === 0) {
      await noteFound(plan, latest, records, io.now());
      return { ...open, plan, observations, latest, records, memo, naming, images, engine };
    }
    inFull = new Set([...inFull, ...unread]);
  }
}

/** What reads the tasks of a project, and remembers what it read. */
function observing({ root, cacheFolder, graph }: OpenProject, io: Io): { memo: Memo; observer: Observer } {
  const memo = openMemo(path.join(cacheFolder, 'memo'), warner(io));
  const observer = openObserver({
    root,
    traces: path.join(cacheFolder, 'traces'),
    memo,
    environment: io.environment,
    now: io.now(),
    programId: io.programId,
    lock: readLock(root),
    askTriggers: triggerAsker(io),
    builderArgs: builderArgsOf(graph, io),
    warn: warner(io),
  });
  return { memo, observer };
}

/** What the docker client adds to each build. A project of commands alone needs no engine, and asks for none. */
function builderArgsOf({ tasks }: Graph, { environment }: Io): Record<string, string> {
  const hasImages = [...tasks.values()].some(({ kind }) => kind === 'image');
  return hasImages ? proxyArgs(resolveEndpoint(environment), environment) : {};
}

/** Tasks to be made whose inputs were not read, since they had not moved: to make them takes more than to know their keys. */
function unreadOf({ steps }: Plan): TaskId[] {
  return [...steps.values()]
    .filter(
      ({ action, manifest }) => manifest === undefined && !['reuse', 'skip', 'blocked'].includes(action),
    )
    .map(({ task }) => task.id);
}

/** The same question gets the same answer again. */
function onceFor<Q, A>(ask: (question: Q) => Promise<A>): (question: Q) => Promise<A> {
  let last: { text: string; answer: Promise<A> } | undefined;
  return async (question) => {
    const text = JSON.stringify(question);
    if (last?.text !== text) last = { text, answer: ask(question) };
    return await last.answer;
  };
}

/** The tasks whose tests are to run. What is pushed under no tag is not tested for it. */
function testedOf(tasks: readonly Task[], selected: ReadonlySet<TaskId>, options: PlanOptions): Set<TaskId> {
  if (!options.tests) return new Set();
  const tested = tasks.filter(
    (task) =>
      selected.has(task.id) &&
      task.kind === 'image' &&
      task.test !== undefined &&
      (options.push === undefined || task.publish),
  );
  return new Set(tested.map(({ id }) => id));
}

async function seeImages(
  engine: Engine | undefined,
  io: Io,
  options: PlanOptions,
): Promise<readonly EngineImage[]> {
  if (engine === undefined) return [];
  try {
    return await engine.images();
  } catch (error) {
    if (!options.withoutEngine || !(error instanceof TasksError)) throw error;
    io.err(`${error.message}: images count as not there\n`);
    return [];
  }
}

/** Linux on this machine's architecture, in the words of image platforms. */
function defaultPlatform(): string {
  const words: Record<string, string> = { x64: 'amd64', ia32: '386', arm: 'arm/v7' };
  return `linux/${words[process.arch] ?? process.arch}`;
}
