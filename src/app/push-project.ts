import { readGitState } from '../engine/git-state.ts';
import { TasksError } from '../model/errors.ts';
import type { Listener, RunOutcome } from '../model/events.ts';
import type { Step } from '../model/plan.ts';
import type { TaskId } from '../model/task.ts';
import { observeTest } from '../observe/image-test.ts';
import { findUnattached, unattachedError } from '../release/attachments.ts';
import { announceNames } from '../release/cache-owners.ts';
import type { TagChange } from '../release/journal.ts';
import { checkJournalWritable } from '../release/journal-check.ts';
import { omittedTasks } from '../release/omitted.ts';
import { startPhase } from '../release/phase-events.ts';
import { type PushResult, push } from '../release/push.ts';
import { type GitState, makeReleaseFile, type ReleaseFile } from '../release/release-file.ts';
import type { Results } from '../run/needs.ts';
import { checkSources } from './check-sources.ts';
import type { Host } from './host.ts';
import type { RunOptions } from './options.ts';
import type { PlannedProject } from './plan-project.ts';
import { planPush, type TargetedPush } from './prepare-push.ts';
import { buildPhase, hasBrokenTest, inOneRun, makeServices, tasksWithTest, testPhase } from './run-plan.ts';
import { brokenTests } from './tested-tasks.ts';

export interface PushProjectOptions extends RunOptions {
  /** Upload everything, but set no tags. */
  readonly uploadOnly: boolean;
  /**
   * Refuse a release that cannot be built again from what is committed and pinned, and any push of images without the attestations and
   * annotations that their definitions ask for.
   */
  readonly strict: boolean;
}

/** How a push ended. Unless `outcome` is `ok`, no tag was changed or all were put back, as far as `error` does not say otherwise. */
export interface PushedProject {
  readonly outcome: RunOutcome;
  readonly error?: TasksError;
  /** True if the push ended before anything was uploaded: a build or a test failed. */
  readonly endedEarly: boolean;
  readonly changes: readonly TagChange[];
  /** What was published; undefined unless all tags were set. */
  readonly release?: ReleaseFile;
}

/** How often a push plans again because another machine was first with an image. */
const maxRounds = 3;

/** Builds what is missing, tests it, uploads everything, and then sets all tags or none. @throws TasksError */
export async function pushProject(
  target: TargetedPush,
  options: PushProjectOptions,
  host: Host,
): Promise<PushedProject> {
  const { naming, open } = target;
  const isRelease = naming.suffix === '';
  const git = isRelease ? await readGitState(open.root, host.environment, options.signal) : undefined;
  const first = await planPush(target, host);
  if (isRelease) checkSources(first.plan, git, options.strict, host.notify);
  if (options.strict && !options.uploadOnly) await refuseUnattached(first, target);
  const attempt = await inOneRun(
    'push',
    { plan: first.plan, tested: tasksWithTest(releasableSteps(first, target)) },
    options,
    host,
    (onEvent) => pushUntilFirst(first, target, options, host, onEvent),
    ({ pushed, outcome }) => pushed !== undefined && outcome === 'ok',
  );
  const { pushed, outcome } = attempt;
  if (pushed === undefined) return { outcome, endedEarly: true, changes: [] };
  const { changes, error } = pushed;
  const result = { outcome, endedEarly: false, changes, ...(error !== undefined ? { error } : {}) };
  if (outcome !== 'ok' || options.uploadOnly) return result;
  return { ...result, release: releaseOf(attempt, target, git, host.clock.now()) };
}

/** One try of a push. `pushed` is undefined if it ended before anything was uploaded. */
interface Attempt {
  readonly outcome: RunOutcome;
  readonly planned: PlannedProject;
  readonly results: Results;
  readonly passed: ReadonlyMap<TaskId, string>;
  readonly pushed?: PushResult;
}

async function pushUntilFirst(
  first: PlannedProject,
  target: TargetedPush,
  options: PushProjectOptions,
  host: Host,
  onEvent: Listener,
): Promise<Attempt> {
  let planned = first;
  for (let round = 1; ; round++) {
    const attempt = await pushOnce(planned, target, options, host, onEvent);
    if (!attempt.pushed?.needsNewPlan) return attempt;
    if (round === maxRounds)
      throw new TasksError(1, 'other machines keep pushing the same images; nothing is published', {
        hint: 'push again when they have finished; uploaded images are kept',
      });
    host.notify({ kind: 'planning-again' });
    planned = await planPush(target, host);
  }
}

async function pushOnce(
  planned: PlannedProject,
  target: TargetedPush,
  options: PushProjectOptions,
  host: Host,
  onEvent: Listener,
): Promise<Attempt> {
  const { registry, naming, context, targetTags } = target;
  const { published } = targetTags;
  const { uploadOnly, signal, limits } = options;
  const steps = [...planned.plan.steps.values()];
  const releasable = releasableSteps(planned, target);
  const nothing = { planned, results: new Map(), passed: new Map<TaskId, string>() };
  if (hasBrokenTest(planned, releasable, options)) {
    const { outcome } = await testPhase(planned, releasable, new Map(), options, false, host, onEvent);
    return { ...nothing, outcome };
  }
  const built = await buildPhase(planned, options, host, onEvent);
  const { results } = built;
  const ended = { ...nothing, results };
  if (built.outcome !== 'ok') return { ...ended, outcome: built.outcome };
  const tests = await testAll(planned, releasable, results, options, host, onEvent);
  const { passed } = tests;
  if (tests.outcome !== 'ok') return { ...ended, outcome: tests.outcome };
  const omitted = omittedTasks(steps, published, results, passed);
  for (const [task, reason] of omitted) host.notify({ kind: 'left-out', task, reason });
  const names = [...planned.graph.tasks.values()].map(({ name }) => name);
  await announceNames(registry, naming, names);
  if (!uploadOnly) await checkJournalWritable(context);
  const pushed = await push({
    plan: planned.plan,
    results,
    passed,
    omitted: new Set(omitted.keys()),
    targetTags: targetTags,
    services: makeServices(planned, host, signal),
    registry,
    context,
    uploadOnly,
    strict: options.strict,
    ...(limits.upload !== undefined ? { jobs: limits.upload } : {}),
    signal,
    listen: onEvent,
  });
  return { outcome: pushed.outcome, planned, results, passed, pushed };
}

/**
 * Refuses a push of images that exist without the attestations and annotations that their definitions ask for, before anything is built.
 * What is built meanwhile is checked before it is published.
 * @throws TasksError exit 1; RegistryError
 */
async function refuseUnattached(planned: PlannedProject, target: TargetedPush): Promise<void> {
  const isApplied = (step: Step): boolean =>
    step.action === 'build' && !step.reasons.some(({ code }) => code === 'not-applied');
  const steps = releasableSteps(planned, target).filter((step) => !isApplied(step));
  const images = new Map(
    steps.flatMap(({ task, remote }) => (remote === undefined ? [] : [[task.id, remote]])),
  );
  const lines = await findUnattached(steps, images, target.registry);
  if (lines.length > 0) throw unattachedError(lines);
}

/** Returns the steps whose images get tags. */
function releasableSteps({ plan }: PlannedProject, { targetTags }: TargetedPush): Step[] {
  return [...plan.steps.values()].filter(({ task }) => targetTags.published.has(task.id));
}

/** Returns the digests of the tests that have passed, by task. */
async function testAll(
  planned: PlannedProject,
  steps: readonly Step[],
  results: Results,
  options: PushProjectOptions,
  host: Host,
  onEvent: Listener,
): Promise<{ readonly outcome: RunOutcome; readonly passed: ReadonlyMap<TaskId, string> }> {
  const broken = brokenTests(planned);
  const hasBroken = steps.some(({ task }) => broken.has(task.id));
  // In the test phase, a test that cannot run fails.
  if (hasBroken) return await testPhase(planned, steps, results, options, false, host, onEvent);
  const tests = steps.flatMap((step) => {
    const test = observeTest(step.task, planned.root, planned.memo);
    return test === undefined ? [] : [{ step, digest: test.digest }];
  });
  const tested = tests.map(({ step }) => step);
  if (tested.some((step) => !step.testPassed))
    return await testPhase(planned, tested, results, options, false, host, onEvent);
  // The registry has all passes: no engine is needed.
  const reused = new Map(tested.map((step) => [step, 'reuse'] as const));
  const events = startPhase('test', reused, options.jobs, results, host.clock, onEvent);
  for (const step of tested) events.finish(step, 'reused');
  events.end(true);
  return { outcome: 'ok', passed: new Map(tests.map(({ step, digest }) => [step.task.id, digest])) };
}

function releaseOf(
  { planned, results, passed, pushed }: Attempt,
  { targetTags, naming, started }: TargetedPush,
  git: GitState | undefined,
  finished: Date,
): ReleaseFile {
  const { plan } = planned;
  const { releases } = pushed!;
  return makeReleaseFile({
    plan,
    results,
    releases,
    passed,
    targetTags: targetTags,
    naming,
    git,
    started,
    finished,
  });
}
