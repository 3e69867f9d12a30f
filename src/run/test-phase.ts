import pLimit from 'p-limit';
import { fromSystemError, TasksError } from '../model/errors.ts';
import type {
  Counts,
  EventAction,
  EventBody,
  Listener,
  Outcome,
  RunOutcome,
  TaskFailure,
} from '../model/events.ts';
import { OUTCOMES } from '../model/events.ts';
import type { Step } from '../model/plan.ts';
import { type Progress, StepFailed } from '../model/ports.ts';
import type { TaskRecord } from '../model/record.ts';
import type { ImageTask, TaskId } from '../model/task.ts';
import { explainStartFailure, type ObservedTest, observeTest } from '../observe/image-test.ts';
import { makeRedactor, redactProgress } from './secrets.ts';
import type { Services } from './services.ts';
import { withTimeout } from './timeout.ts';

/** Remembers passed tests by image and test content. */
export interface PassedTests {
  has(id: string): Promise<boolean>;
  add(id: string): Promise<void>;
}

export interface TestOptions {
  readonly jobs: number;
  /** Run tests that have passed before, too. */
  readonly retest: boolean;
  readonly keepGoing: boolean;
  readonly signal: AbortSignal;
  readonly listen: Listener;
}

export interface TestsResult {
  readonly outcome: RunOutcome;
  readonly counts: Counts;
  /** The tests that have passed, now or before: their digests by task. */
  readonly passed: ReadonlyMap<TaskId, string>;
}

/** Under which name the log of a task's test is kept. */
export function testLogName(id: TaskId): TaskId {
  return `${id}.test`;
}

interface Test extends ObservedTest {
  readonly task: ImageTask;
  readonly imageId: string;
  /** Of the image, the test's content and what it is told. */
  readonly passId: string;
}

const phase = 'test';

/** Runs the tests of tasks whose images are here, each in a throw-away container, as the phase `test` of a run. */
export async function runTests(
  steps: readonly Step[],
  results: ReadonlyMap<TaskId, TaskRecord>,
  services: Services,
  passes: PassedTests,
  options: TestOptions,
): Promise<TestsResult> {
  const counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  const started = services.clock.now().getTime();
  const tell = (body: EventBody): void =>
    options.listen({ ...body, time: services.clock.now().toISOString() } as Parameters<Listener>[0]);
  const finish = (id: TaskId, outcome: Outcome, ms: number, error?: TaskFailure): void => {
    counts[outcome]++;
    tell({ type: 'task-finished', phase, id, outcome, ms, ...(error !== undefined ? { error } : {}) });
  };
  let failures = 0;
  let isMachine = false;
  const passed = new Map<TaskId, string>();
  const pass = (id: TaskId, test: Test, outcome: Outcome, ms: number): void => {
    passed.set(id, test.digest);
    finish(id, outcome, ms);
  };
  const planned = await Promise.all(
    steps.map(async (step) => {
      const test = prepare(step, results, services);
      const isKept =
        test !== undefined && !options.retest && (step.testPassed || (await passes.has(test.passId)));
      const action: EventAction = test === undefined ? 'skip' : isKept ? 'reuse' : 'test';
      return { id: step.task.id, test, action };
    }),
  );
  tell({
    type: 'phase-started',
    phase,
    jobs: options.jobs,
    tasks: planned.map(({ id, action }) => ({ id, action, needs: [] })),
  });
  if (planned.some(({ action }) => action === 'test'))
    await services.engine!.removeLeftoverTests((owner) => services.isGone(owner));
  const limit = pLimit(options.jobs);
  await Promise.all(
    planned.map(({ id, test, action }) =>
      limit(async () => {
        if (test === undefined) return finish(id, 'skipped', 0);
        if (action === 'reuse') return pass(id, test, 'reused', 0);
        const isOver = options.signal.aborted || (failures > 0 && !options.keepGoing);
        if (isOver) return finish(id, 'cancelled', 0);
        const begun = services.clock.now().getTime();
        tell({ type: 'task-started', phase, id, action });
        const thrown = await runOne(test, services, options.signal, tell);
        const ms = services.clock.now().getTime() - begun;
        if (options.signal.aborted) return finish(id, 'cancelled', ms);
        if (thrown !== undefined) {
          if (!test.task.allowFailure || thrown.isMachine) failures++;
          isMachine ||= thrown.isMachine;
          return finish(id, 'failed', ms, thrown.failure);
        }
        await passes.add(test.passId);
        return pass(id, test, 'built', ms);
      }),
    ),
  );
  const ok = failures === 0 && counts.cancelled === 0;
  tell({
    type: 'phase-finished',
    phase,
    ok,
    counts: { ...counts },
    ms: services.clock.now().getTime() - started,
  });
  const outcome = options.signal.aborted ? 'interrupted' : isMachine ? 'not-ready' : ok ? 'ok' : 'failed';
  return { outcome, counts, passed };
}

function prepare(step: Step, results: ReadonlyMap<TaskId, TaskRecord>, services: Services): Test | undefined {
  const { task } = step;
  const imageId = results.get(task.id)?.imageId;
  const observed = imageId === undefined ? undefined : observeTest(task, services.root, services.memo);
  if (imageId === undefined || observed === undefined) return undefined;
  const passId = `${imageId.replace('sha256:', '')}-${observed.digest.slice(0, 16)}`;
  return { ...observed, task: task as ImageTask, imageId, passId };
}

/** A test that failed. `isMachine`: not by itself; the engine is gone, or a disk is full. */
interface Failed {
  readonly failure: TaskFailure;
  readonly isMachine: boolean;
}

async function runOne(
  test: Test,
  services: Services,
  signal: AbortSignal,
  tell: (body: EventBody) => void,
): Promise<Failed | undefined> {
  const { id, timeoutMs } = test.task;
  const log = services.logs.open(testLogName(id));
  const lines: string[] = [];
  // A test gets no secrets; its image may hold what it should not.
  const redact = makeRedactor(test.task, services);
  const progress = redactProgress(
    {
      step: () => undefined,
      line: (line: string) => {
        log.line(line);
        lines.push(line);
        if (lines.length > 20) lines.shift();
        tell({ type: 'task-output', phase, id, line });
      },
    },
    redact,
  );
  try {
    await withTimeout(signal, timeoutMs, (until) => carryOut(test, services, progress, until));
    return undefined;
  } catch (thrown) {
    const error = fromSystemError(thrown) ?? thrown;
    const message = error instanceof Error ? error.message : String(error);
    const isMachine = error instanceof TasksError && error.exitCode === 3;
    return { failure: { message: redact(message), lines, log: log.path }, isMachine };
  } finally {
    log.close();
  }
}

/** @throws StepFailed where it does not pass */
async function carryOut(
  test: Test,
  services: Services,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const { task, imageId, files, program } = test;
  const why = explainStartFailure(test);
  if (why !== undefined) throw new StepFailed(`the test ${task.test} cannot be started: ${why}`);
  const env = { ...task.args, TASKS_VERSION: task.version };
  const owner = services.newOwner();
  const { exitCode } = await services.engine!.test({ imageId, files, program, env, owner }, progress, signal);
  if (exitCode !== 0) throw new StepFailed(`the test ${task.test} ended with exit code ${exitCode}`);
}
