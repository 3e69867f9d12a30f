import type { ExitCode } from '../model/errors.ts';
import type { Step } from '../model/plan.ts';
import type { Registry } from '../model/registry.ts';
import type { TaskId } from '../model/task.ts';
import { observeTest } from '../observe/image-test.ts';
import type { Naming } from '../plan/refs.ts';
import { announceNames } from '../release/cache-owners.ts';
import { checkJournalWritable } from '../release/journal-check.ts';
import { omittedTasks } from '../release/omitted.ts';
import { startPhase } from '../release/phase-events.ts';
import type { TargetTags } from '../release/preflight.ts';
import type { PublishContext } from '../release/publish-context.ts';
import { type PushResult, push } from '../release/push.ts';
import type { GitState } from '../release/release-file.ts';
import type { Results } from '../run/needs.ts';
import { exitCodeOf } from './exit-code.ts';
import { type CommonFlags, jobsOf, limitsOf } from './flags.ts';
import type { Io } from './io.ts';
import { type Prospect, planProject } from './project.ts';
import { buildPhase, makeServices, type ReportedRun, testPhase } from './run.ts';

/** What a push was asked for, and where it happens. */
export interface Attempt {
  readonly selectors: readonly string[];
  readonly flags: CommonFlags & { readonly uploadOnly?: boolean; readonly strict?: boolean };
  readonly io: Io;
  readonly registry: Registry;
  readonly desk: PublishContext;
  readonly naming: Naming;
  readonly wanted: TargetTags;
  readonly git: GitState | undefined;
}

/** `ended`: before anything was uploaded; the screen says why. */
export type Done =
  | { readonly kind: 'ended'; readonly exitCode: ExitCode }
  | {
      readonly kind: 'pushed';
      readonly prospect: Prospect;
      readonly pushed: PushResult;
      readonly results: Results;
      readonly passed: ReadonlyMap<TaskId, string>;
    };

/** Plans what a push does, as the registry stands now. */
export async function planPush({
  selectors,
  flags,
  io,
  registry,
  naming,
  wanted,
}: Attempt): Promise<Prospect> {
  return await planProject(selectors, flags, io, {
    withoutEngine: true,
    tests: true,
    push: { registry, naming, published: wanted.published },
  });
}

/** Builds, tests, uploads and publishes what a plan says. */
export async function tryOnce(run: ReportedRun, prospect: Prospect, attempt: Attempt): Promise<Done> {
  const { flags, io, registry, naming, wanted } = attempt;
  const { published } = wanted;
  const steps = [...prospect.plan.steps.values()];
  const built = await buildPhase(run, prospect, false, flags, io);
  if (built.outcome !== 'ok') return { kind: 'ended', exitCode: exitCodeOf(built.outcome) };
  const { results } = built;
  const releasable = steps.filter(({ task }) => published.has(task.id));
  const passed = await testAll(run, prospect, releasable, results, attempt);
  if (typeof passed === 'number') return { kind: 'ended', exitCode: passed };
  const omitted = omittedTasks(steps, published, results, passed);
  for (const [id, why] of omitted) io.err(`${id} is left out: ${why}\n`);
  await announceNames(
    registry,
    naming,
    [...prospect.graph.tasks.values()].map(({ name }) => name),
  );
  if (flags.uploadOnly !== true) await checkJournalWritable(attempt.desk);
  const slots = limitsOf(flags).upload;
  const pushed = await run.phase(true, (listen) =>
    push({
      plan: prospect.plan,
      results,
      passed,
      omitted: new Set(omitted.keys()),
      wanted,
      services: makeServices(prospect, io),
      registry,
      context: attempt.desk,
      uploadOnly: flags.uploadOnly === true,
      ...(slots !== undefined ? { slots } : {}),
      signal: io.signal,
      listen,
    }),
  );
  return { kind: 'pushed', prospect, pushed, results, passed };
}

/** The digests of the tests that have passed, by task; an exit code where one failed that may not. */
async function testAll(
  run: ReportedRun,
  prospect: Prospect,
  steps: readonly Step[],
  results: Results,
  { flags, io }: Attempt,
): Promise<ReadonlyMap<TaskId, string> | ExitCode> {
  const tests = steps.flatMap((step) => {
    const test = observeTest(step.task, prospect.root, prospect.memo);
    return test === undefined ? [] : [{ step, digest: test.digest }];
  });
  const tested = tests.map(({ step }) => step);
  // Known from the registry: no engine is needed to say so.
  if (tested.every((step) => step.testPassed)) {
    await run.phase(false, async (listen) => {
      const reused = new Map(tested.map((step) => [step, 'reuse'] as const));
      const events = startPhase('test', reused, jobsOf(flags, io), results, io, listen);
      for (const step of tested) events.finish(step, 'reused');
      events.end(true);
    });
    return new Map(tests.map(({ step, digest }) => [step.task.id, digest]));
  }
  const { outcome, passed } = await testPhase(run, prospect, tested, results, flags, io);
  return outcome === 'ok' ? passed : exitCodeOf(outcome);
}
