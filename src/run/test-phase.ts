import pLimit from 'p-limit';
import { fromSystemError, TasksError } from '../model/errors.ts';
import {
  type Counts,
  type EventAction,
  type EventBody,
  type Listener,
  type Outcome,
  type RunEvent,
  type RunOutcome,
  type TaskFailure,
  zeroCounts,
} from '../model/events.ts';
import { failureCause } from '../model/failure-cause.ts';
import { keepLastLines } from '../model/last-lines.ts';
import type { Step } from '../model/plan.ts';
import { type Progress, StepFailed } from '../model/ports.ts';
import type { TaskRecord } from '../model/record.ts';
import type { ImageTask, TaskId } from '../model/task.ts';
import { explainStartFailure, type ObservedTest, observeTest } from '../observe/image-test.ts';
import { nameByDigest } from '../plan/refs.ts';
import { makeRedactor, redactProgress } from './secrets.ts';
import type { Services } from './services.ts';
import { describeFailure } from './task-failure.ts';
import { engineRunner, nodeRunner, type TestRunner } from './test-runner.ts';
import { withTimeout } from './timeout.ts';

/** The store of passed tests, by image and test content. */
export interface PassedTests {
  has(id: string): Promise<boolean>;
  add(id: string): Promise<void>;
}

export interface TestOptions {
  readonly jobs: number;
  /** True if tests run again although they have passed. */
  readonly retest: boolean;
  /** Why tests cannot run, by task. */
  readonly broken: ReadonlyMap<TaskId, string>;
  /** Why tests that have not passed yet cannot run, by task. */
  readonly untestable: ReadonlyMap<TaskId, string>;
  readonly keepGoing: boolean;
  readonly signal: AbortSignal;
  readonly listen: Listener;
}

export interface TestsResult {
  readonly outcome: RunOutcome;
  readonly counts: Counts;
  /** The digests of tests that have passed, now or before, by task. */
  readonly passed: ReadonlyMap<TaskId, string>;
}

/** Returns the name of the log of a task's test. */
export function testLogName(id: TaskId): TaskId {
  return `${id}.test`;
}

interface Test extends ObservedTest {
  readonly task: ImageTask;
  readonly record: TaskRecord;
  /** The image in the engine, or its name in the registry that alone has it. */
  readonly imageId: string;
  /** Identifies the image and the test's content, args and version. */
  readonly passId: string;
}

const phase = 'test';

/** Runs the tests of images that exist here, each in a temporary container, as the phase `test` of a run. */
export async function runTests(
  steps: readonly Step[],
  results: ReadonlyMap<TaskId, TaskRecord>,
  services: Services,
  passedTests: PassedTests,
  options: TestOptions,
): Promise<TestsResult> {
  const counts = zeroCounts();
  const started = services.clock.now().getTime();
  /** The builder nodes of tests that have begun there. */
  const nodes = new Map<TaskId, { readonly node: string }>();
  const emit = (body: EventBody): void => {
    const place = 'id' in body ? nodes.get(body.id) : undefined;
    options.listen({ ...body, ...place, time: services.clock.now().toISOString() } as RunEvent);
  };
  const finish = (id: TaskId, outcome: Outcome, ms: number, error?: TaskFailure): void => {
    counts[outcome]++;
    emit({ type: 'task-finished', phase, id, outcome, ms, ...(error !== undefined ? { error } : {}) });
  };
  let failures = 0;
  let isMachineFailure = false;
  const passed = new Map<TaskId, string>();
  const pass = (id: TaskId, test: Test, outcome: Outcome, ms: number): void => {
    passed.set(id, test.digest);
    finish(id, outcome, ms);
  };
  const planned = await Promise.all(
    steps.map(async (step) => {
      const { id, allowFailure: isAllowed } = step.task;
      const broken = options.broken.get(id);
      const test = broken === undefined ? prepare(step, results, services) : undefined;
      const hasPassed =
        test !== undefined && !options.retest && (step.testPassed || (await passedTests.has(test.passId)));
      const fault = test === undefined || hasPassed ? broken : options.untestable.get(id);
      const isSkipped = test === undefined && fault === undefined;
      const action: EventAction = isSkipped ? 'skip' : hasPassed ? 'reuse' : 'test';
      return { id, test, action, fault, isAllowed };
    }),
  );
  emit({
    type: 'phase-started',
    phase,
    jobs: options.jobs,
    tasks: planned.map(({ id, action }) => ({ id, action, needs: [] })),
  });
  if (planned.some(({ action, fault }) => action === 'test' && fault === undefined))
    await services.engine?.removeLeftoverTests((owner) => services.isGone(owner));
  for (const { id, fault, isAllowed } of planned) {
    if (fault === undefined) continue;
    if (!isAllowed) failures++;
    emit({ type: 'task-started', phase, id, action: 'test' });
    finish(id, 'failed', 0, { message: fault });
  }
  const limit = pLimit(options.jobs);
  const run = services.registryMode === undefined ? engineRunner(services) : nodeRunner(services);
  await Promise.all(
    planned.map(({ id, test, action, fault }) =>
      limit(async () => {
        if (fault !== undefined) return;
        if (test === undefined) return finish(id, 'skipped', 0);
        if (action === 'reuse') return pass(id, test, 'reused', 0);
        const isCancelled = options.signal.aborted || (failures > 0 && !options.keepGoing);
        if (isCancelled) return finish(id, 'cancelled', 0);
        const startedAt = services.clock.now().getTime();
        emit({ type: 'task-started', phase, id, action });
        const runner: TestRunner = (request, record, progress, signal) =>
          run(request, record, progress, signal, (node) => void nodes.set(id, { node }));
        const failed = await runOne(test, runner, services, options.signal, emit);
        const ms = services.clock.now().getTime() - startedAt;
        if (options.signal.aborted) return finish(id, 'cancelled', ms);
        if (failed !== undefined) {
          if (!test.task.allowFailure || failed.isMachineFailure) failures++;
          isMachineFailure ||= failed.isMachineFailure;
          return finish(id, 'failed', ms, failed.failure);
        }
        await passedTests.add(test.passId);
        return pass(id, test, 'built', ms);
      }),
    ),
  );
  const ok = failures === 0 && counts.cancelled === 0;
  emit({
    type: 'phase-finished',
    phase,
    ok,
    counts: { ...counts },
    ms: services.clock.now().getTime() - started,
  });
  const outcome = options.signal.aborted
    ? 'interrupted'
    : isMachineFailure
      ? 'not-ready'
      : ok
        ? 'ok'
        : 'failed';
  return { outcome, counts, passed };
}

function prepare(step: Step, results: ReadonlyMap<TaskId, TaskRecord>, services: Services): Test | undefined {
  const { task } = step;
  const record = results.get(task.id);
  const observed =
    record?.imageId === undefined ? undefined : observeTest(task, services.root, services.memo);
  if (record?.imageId === undefined || observed === undefined) return undefined;
  const passId = `${record.imageId.replace('sha256:', '')}-${observed.digest.slice(0, 16)}`;
  const imageId =
    services.registryMode === undefined
      ? record.imageId
      : nameByDigest(step.registryTag!, record.manifestDigest!);
  return { ...observed, task: task as ImageTask, record, imageId, passId };
}

interface FailedTest {
  readonly failure: TaskFailure;
  /** True if the test failed because of the machine, for example an unreachable engine or a full disk. */
  readonly isMachineFailure: boolean;
}

/** Runs one test with its log. Returns undefined if it passes. */
async function runOne(
  test: Test,
  runner: TestRunner,
  services: Services,
  signal: AbortSignal,
  emit: (body: EventBody) => void,
): Promise<FailedTest | undefined> {
  const { id, timeoutMs } = test.task;
  const log = services.logs.open(testLogName(id));
  const lastLines = keepLastLines();
  // A test gets no secrets, but its image may contain them by mistake.
  const redact = makeRedactor(test.task, services);
  const progress = redactProgress(
    {
      step: () => undefined,
      line: (line, stream) => {
        log.line(line);
        lastLines.add(line, stream);
        emit({ type: 'task-output', phase, id, line });
      },
    },
    redact,
  );
  try {
    await withTimeout(signal, timeoutMs, (testSignal) =>
      runContainer(test, runner, services, progress, testSignal),
    );
    return undefined;
  } catch (thrown) {
    const error = fromSystemError(thrown) ?? thrown;
    const isMachineFailure = error instanceof TasksError && error.exitCode === 3;
    const output = lastLines.read();
    const failure = describeFailure(error, test.task, redact, output.lines);
    return { failure: { ...output, ...failure, log: log.path }, isMachineFailure };
  } finally {
    log.close();
  }
}

/** Runs a test in a container. @throws StepFailed if it does not pass */
async function runContainer(
  test: Test,
  runner: TestRunner,
  services: Services,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const { task, imageId, files, program } = test;
  const problem = explainStartFailure(test);
  if (problem !== undefined)
    throw new StepFailed(`cannot start the test ${task.test}: ${problem}`, { cause: 'not-executable' });
  const env = { ...task.args, TASKS_VERSION: task.version };
  const owner = services.newOwner();
  const request = { imageId, platform: task.platform, files, program, env, owner };
  const result = await runner(request, test.record, progress, signal);
  const { exitCode } = result;
  if (exitCode !== 0)
    throw new StepFailed(`the test ${task.test} failed with exit code ${exitCode}`, {
      cause: failureCause(result),
      exitCode,
    });
}
