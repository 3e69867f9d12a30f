import path from 'node:path';
import type { AnsweringNode, Host } from '../../src/app/host.ts';
import { shareJobs } from '../../src/app/nodes.ts';
import type { OpenProject } from '../../src/app/open-project.ts';
import type { PlanOptions } from '../../src/app/options.ts';
import { type PlannedProject, planProject } from '../../src/app/plan-project.ts';
import { makeServices } from '../../src/app/run-plan.ts';
import { noSharedStore, type SharedStore } from '../../src/cache/shared-store.ts';
import type { Declarations, Definition } from '../../src/define/types.ts';
import { makeGraph } from '../../src/graph/graph.ts';
import type { RunEvent } from '../../src/model/events.ts';
import type { CommandRequest, Progress } from '../../src/model/ports.ts';
import type { Registry } from '../../src/model/registry.ts';
import type { Project, TaskId } from '../../src/model/task.ts';
import type { PushTags } from '../../src/plan/input.ts';
import { resolveNaming } from '../../src/plan/refs.ts';
import { type RunResult, runPlan } from '../../src/run/run.ts';
import type { Services } from '../../src/run/services.ts';
import { type FakeEngine, fakeEngine } from './fake-engine.ts';
import { type FakeRegistry, fakeRegistry } from './fake-registry.ts';
import { declare } from './graphs.ts';
import { tempFolder } from './temp.ts';

export interface TestProjectOptions {
  readonly selectors?: readonly string[];
  readonly jobs?: number;
  readonly keepGoing?: boolean;
  readonly force?: boolean;
  readonly fromRegistry?: boolean;
  readonly repo?: string;
  readonly release?: boolean;
  readonly signal?: AbortSignal;
  /** Plans a push: to this registry, with these tags and the digests that they point to. */
  readonly push?: { readonly registry: Registry; readonly tags: ReadonlyMap<TaskId, PushTags> };
}

const firstDay = new Date('2026-11-23T00:00:00Z');
/** The suffix of tags in test projects. */
export const testSuffix = '-dev202611230000';

/** Creates a project in a temporary folder with a fake engine. Everything between the definitions and the engine is real. */
export function makeTestProject(
  exports: Readonly<Record<string, Definition>>,
  root = tempFolder(),
  engine: FakeEngine = fakeEngine(),
  registry: FakeRegistry = fakeRegistry(),
) {
  const events: RunEvent[] = [];
  const warnings: string[] = [];
  const commands: CommandRequest[] = [];
  let now = firstDay.getTime();
  const project = {
    root,
    /** The time at which plans are made. */
    planned: firstDay,
    /** The settings of `project()`. */
    settings: {} as Project,
    cacheFolder: path.join(root, '.cache'),
    engine,
    events,
    warnings,
    commands,
    /** The nodes that build in place of the engine; their images go to `registry`. Undefined: the engine builds. */
    nodes: undefined as readonly AnsweringNode[] | undefined,
    registry,
    /** The store that is shared with other machines. */
    shared: noSharedStore as SharedStore,
    /** How long the run waited each time, in milliseconds. No time really passes. */
    slept: [] as number[],
    declarations: declare(exports) as Declarations,
    environment: { PATH: '/bin', HOME: '/home/x', SECRET: 'never' } as Record<string, string>,
    /** Called instead of running a command; may write to env.TASKS_OUT. */
    onCommand: async (_request: CommandRequest, _signal: AbortSignal, _progress: Progress): Promise<void> =>
      undefined,
    async plan(
      options: TestProjectOptions = {},
    ): Promise<PlannedProject & { services: Services; run: () => Promise<RunResult> }> {
      const { selectors = [], repo = 'test', release = false, force = false, jobs = 2 } = options;
      const {
        keepGoing = false,
        signal = new AbortController().signal,
        push,
        fromRegistry = false,
      } = options;
      const names = { repo, release };
      const made = await planProject(
        openProject(),
        { selectors, names, ...builder(), force, fromRegistry, signal },
        host(fromRegistry),
        {
          needsEngine: true,
          readAll: true,
          ...(push ? { push: { ...push, naming: resolveNaming(names, {}, project.planned) } } : {}),
        },
      );
      const services: Services = {
        ...makeServices(made, host(), signal, undefined, shareJobs(project.nodes ?? [], jobs)),
        logs: { open: (task) => ({ path: `/logs/${task}`, line: () => undefined, close: () => undefined }) },
        locks: { acquire: async () => async () => undefined },
        clock: {
          now: () => {
            now += 1000;
            return new Date(now);
          },
          sleep: async (ms) => {
            project.slept.push(ms);
          },
        },
        credentials: async () => undefined,
      };
      const run = (): Promise<RunResult> =>
        runPlan(made.plan, made.observations, services, {
          jobs,
          keepGoing,
          signal,
          listen: (event) => events.push(event),
        });
      return { ...made, services, run };
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

  function builder(): Pick<PlanOptions, 'builder'> {
    return project.nodes === undefined ? {} : { builder: { name: 'ci', origin: '--builder' } };
  }

  function openProject(): OpenProject {
    const graph = makeGraph(project.declarations, 'linux/amd64');
    return {
      root,
      cacheFolder: project.cacheFolder,
      profile: 'default',
      project: project.settings,
      graph,
      locate: (error) => error,
    };
  }

  function host(usesRegistry = false): Host {
    const noRegistry = (): never => {
      throw new Error('this test needs no registry');
    };
    return {
      environment: project.environment,
      clock: { now: () => project.planned, sleep: noRegistry },
      program: { id: 'test', pageFolder: '', typesFile: '', reaper: '', loadModule: noRegistry },
      connections: {
        processes: {
          run: async (request, progress, signal) => {
            commands.push(request);
            await project.onCommand(request, signal, progress);
          },
        },
        engine: () => engine,
        builder: async () => async () => project.nodes!,
        sharedStore: () => project.shared,
        registry: async () => (usesRegistry || project.nodes !== undefined ? registry : noRegistry()),
        registryClient: noRegistry,
      },
      notify: (notice) => {
        if ('message' in notice) warnings.push(notice.message);
      },
    };
  }

  return project;
}
