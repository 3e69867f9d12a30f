import { randomUUID } from 'node:crypto';
import { openLocks } from '../cache/locks.ts';
import { openLog } from '../cache/logs.ts';
import { isAlive, newOwner } from '../cache/owner.ts';
import { openTestPasses } from '../cache/test-passes.ts';
import type { SshAgents } from '../engine/ssh-agents.ts';
import type { Listener } from '../model/events.ts';
import type { Step } from '../model/plan.ts';
import type { ConnectedNode } from '../model/ports.ts';
import type { TaskId } from '../model/task.ts';
import type { Naming } from '../plan/refs.ts';
import { credentialsFor } from '../registry/credentials.ts';
import type { Results } from '../run/needs.ts';
import { requireEngine } from '../run/require-engine.ts';
import { type RunResult, runPlan } from '../run/run.ts';
import { startRun } from '../run/run-stream.ts';
import type { RegistryMode, Services } from '../run/services.ts';
import { runTests, type TestsResult } from '../run/test-phase.ts';
import { imageNodes } from '../schedule/image-nodes.ts';
import type { Host } from './host.ts';
import { allNodes, checkPushes, type RegistryBuilder, shareJobs } from './nodes.ts';
import { warnWith } from './notices.ts';
import type { RunOptions } from './options.ts';
import type { PlannedProject } from './plan-project.ts';
import { brokenTests } from './tested-tasks.ts';

/**
 * Does the work of a command as one run: the listener gets one `run-started` and one `run-finished`, with the events that
 * `work` emits between them. `tested`: the tasks that it tests. `isOk`: whether the run succeeded.
 */
export async function inOneRun<T>(
  command: string,
  { plan, tested }: Pick<PlannedProject, 'plan'> & { readonly tested?: ReadonlySet<TaskId> },
  { jobs, onEvent }: Pick<RunOptions, 'jobs' | 'onEvent'>,
  { clock }: Pick<Host, 'clock'>,
  work: (onEvent: Listener) => Promise<T>,
  isOk: (result: T) => boolean,
): Promise<T> {
  const run = startRun(plan, { command, jobs, tested }, clock, onEvent);
  let ok = false;
  try {
    const result = await work(run.listen);
    ok = isOk(result);
    return result;
  } finally {
    run.finish(ok);
  }
}

/** Returns the tasks of these steps whose images have a test. */
export function tasksWithTest(steps: readonly Step[]): Set<TaskId> {
  return new Set(
    steps.flatMap(({ task }) => (task.kind === 'image' && task.test !== undefined ? [task.id] : [])),
  );
}

/** Returns what running a plan needs from outside. */
export function makeServices(
  { cacheFolder, root, memo, records, engine, plan, naming, registryBuilder }: PlannedProject,
  { clock, connections, environment, notify }: Host,
  signal: AbortSignal,
  { socketOf }: Pick<SshAgents, 'socketOf'> = noAgents,
  nodes: readonly ConnectedNode[] = [],
): Services {
  const warn = warnWith(notify);
  let runId: string | undefined;
  return {
    engine,
    ...(registryBuilder === undefined ? {} : { registryMode: modeOf(registryBuilder, nodes, naming) }),
    processes: connections.processes,
    records,
    logs: { open: (task) => openLog(cacheFolder, task, clock.now(), warn) },
    locks: openLocks(cacheFolder, (key, pid) => {
      const step = [...plan.steps.values()].find((each) => each.key === key);
      notify({ kind: 'waiting', task: step?.task.id ?? key, ...(pid !== undefined ? { pid } : {}) });
    }),
    newOwner,
    isGone: (owner) => isAlive(owner) === false,
    get runId() {
      // A run with nothing to do needs none, and loads nothing for it.
      runId ??= randomUUID();
      return runId;
    },
    clock,
    memo,
    root,
    cacheFolder,
    credentials: credentialsFor(environment, signal),
    environment,
    sshSocket: socketOf,
    warn,
  };
}

function modeOf(
  builder: RegistryBuilder,
  nodes: readonly ConnectedNode[],
  { cacheTo }: Naming,
): RegistryMode {
  const connect = async (): Promise<readonly ConnectedNode[]> => shareJobs(await builder.nodes(), 1);
  return { registry: builder.registry, nodes, connect, ...(cacheTo === undefined ? {} : { cacheTo }) };
}

const noAgents: SshAgents = {
  socketOf: () => {
    throw new Error('no SSH agent was started for this task');
  },
  close: async () => undefined,
};

/** Opens the SSH agents that builds of these steps use. The caller closes them. @throws TasksError exit 3 */
export async function openAgents(
  builds: readonly Pick<Step, 'task'>[],
  { root }: Pick<PlannedProject, 'root'>,
  { environment }: Pick<Host, 'environment'>,
  signal: AbortSignal,
): Promise<SshAgents> {
  const sources = builds.flatMap(({ task }) => (task.kind === 'image' ? Object.values(task.ssh ?? {}) : []));
  if (sources.length === 0) return noAgents;
  const { openSshAgents } = await import('../engine/ssh-agents.ts');
  return await openSshAgents(sources, { environment, root, signal });
}

/** Connects to the nodes of the builder; none if the engine builds. @throws TasksError exit 3 */
export async function connectedNodes(
  { registryBuilder }: Pick<PlannedProject, 'registryBuilder'>,
  jobs: number,
): Promise<readonly ConnectedNode[]> {
  return registryBuilder === undefined ? [] : shareJobs(await registryBuilder.nodes(), jobs);
}

/**
 * Builds what a plan says: the phase `build`.
 * @throws TasksError with exit code 3 if the engine cannot build it, before anything runs
 */
export async function buildPhase(
  planned: PlannedProject,
  { jobs, limits, keepGoing, signal }: RunOptions,
  host: Host,
  onEvent: Listener,
): Promise<RunResult> {
  const { plan, observations, engine, registryBuilder, previous } = planned;
  const builds = [...plan.steps.values()].filter(({ action }) => action === 'build');
  if (builds.length > 0) host.program.onLongRun?.();
  // Commands may run for half an hour before the first image is built.
  const nodes = builds.length > 0 ? await connectedNodes(planned, jobs) : [];
  await requireEngine(builds, observations, engine ?? (nodes.length > 0 ? allNodes(nodes) : undefined));
  if (registryBuilder !== undefined) await checkPushes(builds, registryBuilder.registry);
  const agents = await openAgents(builds, planned, host, signal);
  try {
    const result = await runPlan(plan, observations, makeServices(planned, host, signal, agents, nodes), {
      jobs,
      limits,
      keepGoing,
      ...(nodes.length > 0 ? { imageNodes: imageNodes(plan, previous) } : {}),
      signal,
      listen: onEvent,
    });
    if (result.counts.built > 0) host.program.onBuilt?.();
    return result;
  } finally {
    await agents.close();
  }
}

/**
 * Tells whether the test of one of these steps cannot run, and nothing is to be built then: like any failure, it lets nothing start
 * without `keepGoing`.
 */
export function hasBrokenTest(
  planned: PlannedProject,
  steps: readonly Step[],
  { keepGoing }: Pick<RunOptions, 'keepGoing'>,
): boolean {
  const broken = brokenTests(planned);
  return !keepGoing && steps.some(({ task }) => broken.has(task.id) && !task.allowFailure);
}

/** Runs the tests of these steps' images: the phase `test`. A test that cannot run fails. */
export async function testPhase(
  planned: PlannedProject,
  steps: readonly Step[],
  results: Results,
  { jobs, keepGoing, signal }: RunOptions,
  retest: boolean,
  host: Host,
  onEvent: Listener,
): Promise<TestsResult> {
  const passes = openTestPasses(planned.cacheFolder, warnWith(host.notify));
  return await runTests(steps, results, makeServices(planned, host, signal), passes, {
    jobs,
    retest,
    broken: brokenTests(planned),
    untestable: planned.untestable,
    keepGoing,
    signal,
    listen: onEvent,
  });
}
