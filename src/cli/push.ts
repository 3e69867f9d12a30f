import type { ExitCode } from '../model/errors.ts';
import type { Step } from '../model/plan.ts';
import type { Registry } from '../model/registry.ts';
import type { TaskId } from '../model/task.ts';
import { observeTest } from '../observe/test.ts';
import type { Naming } from '../plan/refs.ts';
import type { Desk } from '../release/desk.ts';
import type { GitState } from '../release/file.ts';
import { checkJournal } from '../release/journal-check.ts';
import { omittedOf } from '../release/omitted.ts';
import { announce } from '../release/owners.ts';
import type { Wanted } from '../release/preflight.ts';
import { type Pushed, push } from '../release/push.ts';
import type { Reporter } from '../report/reporter.ts';
import type { Results } from '../run/needs.ts';
import { type CommonFlags, limitsOf } from './flags.ts';
import type { Io } from './io.ts';
import { type Prospect, planProject } from './project.ts';
import { checkSources } from './release.ts';
import { followersOf, makeReporter, makeServices, recordsOf, runProspect, testProspect } from './run.ts';

/** What a push was asked for, and where it happens. */
export interface Attempt {
  readonly selectors: readonly string[];
  readonly flags: CommonFlags & { readonly uploadOnly?: boolean; readonly strict?: boolean };
  readonly io: Io;
  readonly registry: Registry;
  readonly desk: Desk;
  readonly naming: Naming;
  readonly wanted: Wanted;
  readonly git: GitState | undefined;
}

/** `ended`: before anything was uploaded; the screen says why. */
export type Done =
  | { readonly kind: 'ended'; readonly exitCode: ExitCode }
  | {
      readonly kind: 'pushed';
      readonly prospect: Prospect;
      readonly pushed: Pushed;
      readonly results: Results;
      readonly passed: ReadonlyMap<TaskId, string>;
    };

/** Plans, builds, tests, uploads and publishes, as the registry stands now. */
export async function tryOnce(attempt: Attempt, isFirst: boolean): Promise<Done> {
  const { selectors, flags, io, registry, naming, wanted } = attempt;
  const { published } = wanted;
  const prospect = await planProject(selectors, flags, io, {
    withoutEngine: true,
    tests: true,
    push: { registry, naming, published },
  });
  if (isFirst && naming.suffix === '') checkSources(prospect.plan, attempt.git, flags.strict === true, io);
  const steps = [...prospect.plan.steps.values()];
  const followers = followersOf(flags, io);
  let results: Results = recordsOf(steps);
  if (steps.some(({ action }) => ['build', 'run', 'pull', 'blocked'].includes(action))) {
    const built = await runProspect(prospect, 'build', flags, io, followers);
    if (built.exitCode !== 0) return { kind: 'ended', exitCode: built.exitCode };
    results = built.results;
  }
  const releasable = steps.filter(({ task }) => published.has(task.id));
  const passed = await testAll(prospect, releasable, results, followers, attempt);
  if (typeof passed === 'number') return { kind: 'ended', exitCode: passed };
  const omitted = omittedOf(steps, published, results, passed);
  for (const [id, why] of omitted) io.err(`${id} is left out: ${why}\n`);
  await announce(
    registry,
    naming,
    [...prospect.graph.tasks.values()].map(({ name }) => name),
  );
  if (flags.uploadOnly !== true) await checkJournal(attempt.desk);
  const slots = limitsOf(flags).upload;
  const reporter = await makeReporter(flags, io, followers);
  try {
    const pushed = await push({
      plan: prospect.plan,
      results,
      passed,
      omitted: new Set(omitted.keys()),
      wanted,
      services: makeServices(prospect, io),
      registry,
      desk: attempt.desk,
      uploadOnly: flags.uploadOnly === true,
      ...(slots !== undefined ? { slots } : {}),
      signal: io.signal,
      listen: reporter.listen,
    });
    return { kind: 'pushed', prospect, pushed, results, passed };
  } finally {
    await reporter.close();
  }
}

/** The digests of the tests that have passed, by task; an exit code where one failed that may not. */
async function testAll(
  prospect: Prospect,
  steps: readonly Step[],
  results: Results,
  followers: Reporter,
  { flags, io }: Attempt,
): Promise<ReadonlyMap<TaskId, string> | ExitCode> {
  const tests = steps.flatMap((step) => {
    const test = observeTest(step.task, prospect.root, prospect.memo);
    return test === undefined ? [] : [{ step, digest: test.digest }];
  });
  // Known from the registry: no engine is needed to say so.
  if (tests.every(({ step }) => step.passed))
    return new Map(tests.map(({ step, digest }) => [step.task.id, digest]));
  const { exitCode, passed } = await testProspect(
    prospect,
    tests.map(({ step }) => step),
    results,
    followers,
    flags,
    io,
  );
  return exitCode === 0 ? passed : exitCode;
}
