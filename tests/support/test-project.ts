import path from 'node:path';
import { linkGraph } from '../../src/app/link-project.ts';
import { isAlive, newOwner } from '../../src/cache/owner.ts';
import { openRecords } from '../../src/cache/records.ts';
import { noSharedStore, type SharedStore } from '../../src/cache/shared-store.ts';
import type { Declarations, Definition } from '../../src/define/types.ts';
import { makeGraph } from '../../src/graph/graph.ts';
import { resolveSelectors, withNeeds } from '../../src/graph/select.ts';
import { openMemo } from '../../src/incremental/memo.ts';
import { computeKeys } from '../../src/key/compute-keys.ts';
import { hashManifest } from '../../src/key/hash-manifest.ts';
import type { RunEvent } from '../../src/model/events.ts';
import type { Observations } from '../../src/model/observed.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { CommandRequest, Processes, Progress } from '../../src/model/ports.ts';
import { makesFiles, type TaskId } from '../../src/model/task.ts';
import { readLock } from '../../src/observe/lock-file.ts';
import { openObserver } from '../../src/observe/observer.ts';
import { readOutputDigests } from '../../src/observe/outputs.ts';
import type { ExistingState } from '../../src/plan/existing.ts';
import type { PlanInput } from '../../src/plan/input.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { registryTag } from '../../src/plan/refs.ts';
import { type RunResult, runPlan } from '../../src/run/run.ts';
import type { Services } from '../../src/run/services.ts';
import { type FakeEngine, fakeEngine } from './fake-engine.ts';
import { declare } from './graphs.ts';
import { tempFolder } from './temp.ts';

export interface TestProjectOptions {
  readonly selectors?: readonly string[];
  readonly jobs?: number;
  readonly keepGoing?: boolean;
  readonly force?: boolean;
  readonly repo?: string;
  readonly release?: boolean;
  readonly signal?: AbortSignal;
  /** Returns the images in the registry, given the registry tags of the tasks. */
  readonly remote?: (tags: ReadonlyMap<TaskId, string>) => Promise<ExistingState['remote']>;
  /** The tags of a push and the digests that they point to. */
  readonly pushTags?: PlanInput['pushTags'];
}

/** Creates a project in a temporary folder with a fake engine. Everything between the definitions and the engine is real. */
export function makeTestProject(
  exports: Readonly<Record<string, Definition>>,
  root = tempFolder(),
  engine: FakeEngine = fakeEngine(),
) {
  const cacheFolder = path.join(root, '.cache');
  const events: RunEvent[] = [];
  const warnings: string[] = [];
  const commands: CommandRequest[] = [];
  let now = Date.UTC(2026, 10, 23);
  const project = {
    root,
    cacheFolder,
    engine,
    events,
    warnings,
    commands,
    /** The store that is shared with other machines. */
    shared: noSharedStore as SharedStore,
    /** How long the run waited each time, in milliseconds. No time really passes. */
    slept: [] as number[],
    declarations: declare(exports) as Declarations,
    environment: { PATH: '/bin', HOME: '/home/x', SECRET: 'never' } as Record<string, string>,
    /** Called instead of running a command; may write to env.TASKS_OUT. */
    onCommand: async (_request: CommandRequest, _signal: AbortSignal, _progress: Progress): Promise<void> =>
      undefined,
    async plan(options: TestProjectOptions = {}): Promise<{
      plan: Plan;
      observations: Observations;
      services: Services;
      run: () => Promise<RunResult>;
    }> {
      const memo = openMemo(path.join(cacheFolder, 'memo'), (message) => warnings.push(message));
      const observer = openObserver({
        root,
        depsLogFile: path.join(cacheFolder, 'traces'),
        warn: (message) => warnings.push(message),
        memo,
        environment: project.environment,
        now: new Date(now),
        programId: 'test',
        lock: readLock(root),
      });
      const declared = { graph: makeGraph(project.declarations, 'linux/amd64'), project: {} };
      const { graph } = await linkGraph(declared, observer, options.repo ?? 'test');
      const selected = resolveSelectors(graph, options.selectors ?? []);
      const scope = withNeeds(graph, selected);
      const { keyed, observations } = await computeKeys(graph, scope, observer, scope);
      const records = openRecords(
        cacheFolder,
        (message) => warnings.push(message),
        project.shared,
        hashManifest,
      );
      const fileKeys = [...scope]
        .map((id) => graph.tasks.get(id)!)
        .filter(makesFiles)
        .flatMap((task) => keyed.get(task.id)?.key ?? []);
      const latest = await records.latest([...scope]);
      const naming = {
        repo: options.repo ?? 'test',
        suffix: options.release ? '' : '-dev1',
        timed: !options.release,
      };
      const tags = [...scope].flatMap((id) => {
        const key = keyed.get(id)?.key;
        const task = graph.tasks.get(id)!;
        return key === undefined || makesFiles(task) ? [] : [[id, registryTag(task, key, naming)] as const];
      });
      const plan = makePlan({
        graph,
        selected,
        scope,
        observations,
        keyed,
        existing: {
          records: await records.get([...keyed.values()].map(({ key }) => key)),
          images: engine.allImages,
          files: readOutputDigests(cacheFolder, fileKeys, memo),
          remote: (await options.remote?.(new Map(tags))) ?? new Map(),
        },
        latest: new Map([...latest].map(([id, record]) => [id, { record }])),
        naming,
        forced: options.force ? selected : new Set(),
        tested: new Set(),
        retest: false,
        ...(options.pushTags ? { pushTags: options.pushTags } : {}),
      });
      const processes: Processes = {
        run: async (request, progress, signal) => {
          commands.push(request);
          await project.onCommand(request, signal, progress);
        },
      };
      const services: Services = {
        engine,
        processes,
        records,
        logs: { open: (task) => ({ path: `/logs/${task}`, line: () => undefined, close: () => undefined }) },
        locks: { acquire: async () => async () => undefined },
        newOwner,
        isGone: (owner) => isAlive(owner) === false,
        clock: {
          now: () => {
            now += 1000;
            return new Date(now);
          },
          sleep: async (ms) => {
            project.slept.push(ms);
          },
        },
        memo,
        root,
        cacheFolder,
        environment: project.environment,
        credentials: async () => undefined,
        warn: (message) => warnings.push(message),
      };
      const signal = options.signal ?? new AbortController().signal;
      const run = (): Promise<RunResult> =>
        runPlan(plan, observations, services, {
          jobs: options.jobs ?? 2,
          keepGoing: options.keepGoing ?? false,
          signal,
          listen: (event) => events.push(event),
        });
      return { plan, observations, services, run };
    },
    /** Plans and runs; every build succeeds. */
    async build(options: TestProjectOptions = {}): Promise<RunResult> {
      engine.autoFinish = true;
      return await (await project.plan(options)).run();
    },
    outcomes: (): Record<string, string> =>
      Object.fromEntries(
        events.flatMap((event) => (event.type === 'task-finished' ? [[event.id, event.outcome]] : [])),
      ),
  };
  return project;
}
