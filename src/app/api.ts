// The Node API, `image-tasks/api`. Unstable: minor versions may change it.
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PlanDocument } from '../model/documents.ts';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import type { Counts, RunEvent, RunOutcome } from '../model/events.ts';
import type { ReleaseFile } from '../release/release-file.ts';
import { buildProject } from './build-project.ts';
import { dockerConnections, type Host, neverAborted, systemClock } from './host.ts';
import { type Notice, warnWith } from './notices.ts';
import { findProject, type OpenProject, openProject } from './open-project.ts';
import type { PlanOptions as PlanRequest, RunOptions as RunRequest } from './options.ts';
import { planDocument } from './plan-document.ts';
import { planProject } from './plan-project.ts';
import { preparePush, recoverPush, targetPush } from './prepare-push.ts';
import { pushProject } from './push-project.ts';
import { checkWritable, releasePath, saveRelease } from './release-files.ts';
import { testProject } from './test-project.ts';

export type { BaseImage, PlanDocument, PlanDocumentTask } from '../model/documents.ts';
export { DefinitionError, TasksError } from '../model/errors.ts';
export type { Counts, RunEvent, RunOutcome } from '../model/events.ts';
export type { ReleasedImage, ReleaseFile } from '../release/release-file.ts';
export type { Notice } from './notices.ts';

/** Replaced when the program is bundled. */
declare const BUILD_ID: string;
declare const VERSION: string;

/** Which project to open. */
export interface OpenOptions {
  /** The project: this folder, or its nearest parent with `tasks/`. */
  readonly directory: string;
  /** What definitions see as `profile`. Default: `default`. */
  readonly profile?: string;
  /**
   * Environment variables for docker, registries, commands and secrets, usually `process.env`. Of the variables of `tasks` only
   * `TASKS_CACHE_URL` counts: options replace the others. Relative paths in variables are relative to the working directory.
   */
  readonly env: Environment;
  /** Called with what a person should know and what is not an error, such as an engine that does not answer. */
  readonly onNotice?: (notice: Notice) => void;
}

/** A project as its definitions were when it was opened. Every plan reads its other files again. */
export interface Project {
  /** Absolute path of the project's root. */
  readonly root: string;
  readonly profile: string;
  readonly tasks: readonly ProjectTask[];
}

export interface ProjectTask {
  /** `name:version` */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly kind: 'image' | 'command';
  /** Whether it is an image that gets tags for users. */
  readonly publish: boolean;
  readonly description?: string;
}

/** What to plan. Each option has the meaning of the flag of its name. */
export interface PlanOptions {
  /** Default: all published images, and every task that nothing needs. */
  readonly selectors?: readonly string[];
  /** Repository of the images. Default: the `repo` of `project()`. */
  readonly repo?: string;
  /** Appended to every tag. Default: `-devYYYYmmddHHMM`, nothing for a release. */
  readonly suffix?: string;
  /** What builds in place of the docker engine. Default: the `builder` of `project()`. */
  readonly builder?: string;
  /** Use tags without a suffix. */
  readonly release?: boolean;
  /** Build the selected tasks from scratch. */
  readonly force?: boolean;
  /** Use images that the registry has instead of building them. Default: false. */
  readonly fromRegistry?: boolean;
  /** Ends what is running. */
  readonly signal?: AbortSignal;
}

/** How to run a plan. */
export interface RunOptions extends PlanOptions {
  /** How many tasks run at once. Default: the number of cores. */
  readonly jobs?: number;
  /** How many of each kind run at once, where that is limited too. */
  readonly limits?: Readonly<Partial<Record<'build' | 'run' | 'pull' | 'upload', number>>>;
  /** After a failure, continue with tasks that don't depend on it. */
  readonly keepGoing?: boolean;
  /** Called with every event of the run: the events that `--json` prints. */
  readonly onEvent?: (event: RunEvent) => void;
}

export interface TestOptions extends RunOptions {
  /** Also run tests that have passed on the same image. */
  readonly retest?: boolean;
}

export interface PushOptions extends RunOptions {
  /** Upload everything, but set no tags. */
  readonly uploadOnly?: boolean;
  /** Refuse a release that cannot be built again from what is committed and pinned. */
  readonly strict?: boolean;
  /** Where to write the release file. Default: below `.cache/releases`. */
  readonly output?: string;
}

export interface BuildResult {
  readonly outcome: RunOutcome;
  readonly counts: Counts;
  /** Ids of tasks that started and failed. */
  readonly failed: readonly string[];
  /** The tags of the selected images. */
  readonly tags: readonly string[];
}

export interface TestResult {
  readonly outcome: RunOutcome;
}

export interface PushResult {
  readonly outcome: RunOutcome;
  /** What was published; missing unless all tags were set. */
  readonly release?: ReleaseFile;
  /** Absolute path of the release file. */
  readonly releaseFile?: string;
  /** Why the registry is not as asked. Its message says what the tags point at. */
  readonly error?: TasksError;
}

/** Only code of this file can look into a project. */
const opened = new WeakMap<Project, { readonly open: OpenProject; readonly host: Host }>();

/**
 * Opens a project by evaluating its definitions. Several projects, with different profiles, can be open at once. The working
 * directory never changes: definitions that read files by relative paths need `import.meta.dirname`.
 * @throws DefinitionError, TasksError
 */
export async function open(options: OpenOptions): Promise<Project> {
  const { directory, profile = 'default', env, onNotice = () => undefined } = options;
  if (typeof env !== 'object' || env === null)
    throw new TasksError(2, 'open() needs environment variables', { hint: 'pass env: process.env' });
  const host = makeHost(env, onNotice);
  const project = await openProject({ root: findProject(path.resolve(directory)), profile }, host);
  const tasks = [...project.graph.tasks.values()].map(
    ({ id, name, version, kind, publish, description }) => ({
      id,
      name,
      version,
      kind,
      publish,
      ...(description !== undefined ? { description } : {}),
    }),
  );
  const handle: Project = { root: project.root, profile, tasks };
  opened.set(handle, { open: project, host });
  return handle;
}

/** Plans a build. Returns the document that `tasks plan --json` prints. @throws TasksError */
export async function plan(project: Project, options: PlanOptions = {}): Promise<PlanDocument> {
  const { open, host } = openedBy(project);
  const planned = await planProject(open, planRequest(options), host, { needsEngine: false, readAll: true });
  return planDocument(planned);
}

/** Builds what changed. Failed tasks are part of the result. @throws TasksError */
export async function build(project: Project, options: RunOptions = {}): Promise<BuildResult> {
  const { open, host } = openedBy(project);
  const request = planRequest(options);
  const planned = await planProject(open, request, host, { needsEngine: !request.fromRegistry });
  const isWholeProject = request.selectors.length === 0;
  return await buildProject(planned, { ...runRequest(options), isWholeProject }, host);
}

/** Builds what is missing, then runs the tests of the selected images. @throws TasksError */
export async function test(project: Project, options: TestOptions = {}): Promise<TestResult> {
  const { open, host } = openedBy(project);
  const { retest = false } = options;
  const request = planRequest(options);
  const needsEngine = !request.fromRegistry;
  const planned = await planProject(open, request, host, { needsEngine, tests: true, retest });
  return { outcome: await testProject(planned, { ...runRequest(options), retest }, host) };
}

/**
 * Builds, tests and uploads, then sets all tags or none. A push that stopped halfway is completed or rolled back first.
 * @throws TasksError if it ends before anything is built
 */
export async function push(project: Project, options: PushOptions = {}): Promise<PushResult> {
  const { open, host } = openedBy(project);
  const { uploadOnly = false, strict = false, output } = options;
  const prepared = await preparePush(open, planRequest(options), host, uploadOnly);
  const place = {
    output: output === undefined ? undefined : path.resolve(output),
    fallback: releasePath(open.cacheFolder, prepared.started),
  };
  if (!uploadOnly) checkWritable(place);
  await recoverPush(prepared, false);
  const target = await targetPush(prepared, host);
  const run = { ...runRequest(options), uploadOnly, strict };
  const { outcome, error, release } = await pushProject(target, run, host);
  if (release !== undefined) return { outcome, release, releaseFile: saveRelease(release, place) };
  return { outcome, ...(error !== undefined ? { error } : {}) };
}

function openedBy(project: Project): { readonly open: OpenProject; readonly host: Host } {
  const found = opened.get(project);
  if (found === undefined) throw new TasksError(2, 'this project was not made by open()');
  return found;
}

function makeHost(environment: Environment, notify: (notice: Notice) => void): Host {
  const folder = path.dirname(fileURLToPath(import.meta.url));
  const reaper = path.join(folder, 'reaper.js');
  const cacheUrl = environment.TASKS_CACHE_URL;
  return {
    environment,
    clock: systemClock,
    program: {
      // The command line shares its derived files.
      id: `${VERSION}-${BUILD_ID}`,
      pageFolder: path.join(folder, 'page'),
      typesFile: path.join(folder, '../types/image-tasks.d.ts'),
      reaper,
      loadModule: (url) => import(url),
    },
    connections: dockerConnections(environment, { reaper, cacheUrl, warn: warnWith(notify) }),
    notify,
  };
}

function planRequest(options: PlanOptions): PlanRequest {
  const { selectors = [], repo, suffix, release = false, force = false, fromRegistry = false } = options;
  const builder =
    options.builder === undefined ? undefined : { name: options.builder, origin: 'the option `builder`' };
  const { signal = neverAborted } = options;
  return { selectors, names: { repo, suffix, release }, builder, force, fromRegistry, signal };
}

function runRequest(options: RunOptions): RunRequest {
  const { jobs = availableParallelism(), limits = {}, keepGoing = false } = options;
  const { signal = neverAborted, onEvent = () => undefined } = options;
  return { jobs, limits: limits as Readonly<Record<string, number>>, keepGoing, signal, onEvent };
}
