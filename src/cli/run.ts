import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openLocks } from '../cache/locks.ts';
import { openLog } from '../cache/logs.ts';
import { isAlive, newOwner } from '../cache/owner.ts';
import { openTestPasses } from '../cache/test-passes.ts';
import { processes } from '../engine/command-runner.ts';
import { TasksError } from '../model/errors.ts';
import type { Listener } from '../model/events.ts';
import type { Step } from '../model/plan.ts';
import { credentialsFor } from '../registry/credentials.ts';
import { markdownReporter } from '../report/markdown.ts';
import { makePaint } from '../report/paint.ts';
import { plainReporter } from '../report/plain.ts';
import {
  combineReporters,
  jsonReporter,
  type Reporter,
  sanitizingReporter,
  silentReporter,
} from '../report/reporter.ts';
import { traceReporter } from '../report/trace.ts';
import type { Results } from '../run/needs.ts';
import { requireEngine } from '../run/require-engine.ts';
import { type RunResult, runPlan } from '../run/run.ts';
import { startRun } from '../run/run-stream.ts';
import type { Services } from '../run/services.ts';
import { runTests, type TestsResult } from '../run/test-phase.ts';
import {
  type CommonFlags,
  hasColor,
  isCi,
  jobsOf,
  limitsOf,
  type ReporterName,
  reporterOf,
  viewOf,
} from './flags.ts';
import { type Io, warner } from './io.ts';
import type { Prospect } from './project.ts';

/**
 * What follows a run beside the reporter: a trace and a job summary, where they are asked for. Of `watch` they follow several runs.
 * @throws TasksError exit 2 for a trace that cannot be written
 */
export function followersOf(flags: CommonFlags, io: Io): Reporter {
  return combineReporters(traceOf(flags, io), jobSummary(io));
}

/** GitHub shows what is appended to that file on the page of the workflow's run. */
function jobSummary(io: Io): Reporter {
  const file = io.environment.GITHUB_STEP_SUMMARY;
  if (!file) return silentReporter;
  return sanitizingReporter(
    markdownReporter((text) => {
      try {
        appendFileSync(file, text);
      } catch (error) {
        warner(io)(`no job summary: ${(error as Error).message}`);
      }
    }),
  );
}

function traceOf(flags: CommonFlags, io: Io): Reporter {
  if (flags.trace === undefined) return silentReporter;
  const file = path.resolve(io.cwd, flags.trace);
  const save = (text: string): void => writeFileSync(file, text);
  try {
    // Now, not after an hour of work.
    save('');
  } catch (error) {
    throw new TasksError(2, `--trace cannot be written: ${(error as Error).message}`);
  }
  return traceReporter(save);
}

/** The one run of a command, as it is reported: one stream of events, and a screen of its own for each phase. */
export interface ReportedRun {
  /**
   * Does the work of a phase, or of several that share a screen. `isShown`: false for a phase without work, which only the stream
   * of events has.
   */
  phase<T>(isShown: boolean, work: (listen: Listener) => Promise<T>): Promise<T>;
}

/** Reports the run of a command while it works. `isOk`: whether it ended well. */
export async function reportRun<T>(
  command: string,
  prospect: Prospect,
  flags: CommonFlags,
  io: Io,
  followers: Reporter,
  work: (run: ReportedRun) => Promise<T>,
  isOk: (result: T) => boolean,
): Promise<T> {
  const isJson = reporterOf(flags, io) === 'json';
  const whole = isJson ? combineReporters(jsonReporter(io.json), followers) : followers;
  const stream = startRun(prospect.plan, { command, jobs: jobsOf(flags, io) }, io, whole.onEvent);
  let ok = false;
  try {
    const result = await work({
      async phase(isShown, each) {
        const screen = isShown && !isJson ? await screenReporter(flags, io) : silentReporter;
        try {
          return await each((event) => {
            stream.listen(event);
            // The command itself says what it published.
            if ('phase' in event && event.phase !== 'publish') screen.onEvent(event);
          });
        } finally {
          await screen.close();
        }
      },
    });
    ok = isOk(result);
    return result;
  } finally {
    stream.finish(ok);
    await whole.close();
  }
}

async function screenReporter(flags: CommonFlags, io: Io): Promise<Reporter> {
  const name = reporterOf(flags, io);
  if (name === 'json') return silentReporter;
  return sanitizingReporter(await textReporter(name, viewOf(flags), flags, io));
}

async function textReporter(
  name: Exclude<ReporterName, 'json'>,
  layout: 'list' | 'matrix',
  flags: CommonFlags,
  io: Io,
): Promise<Reporter> {
  const paint = makePaint(hasColor(flags, io, io.errIsTerminal));
  switch (name) {
    case 'silent':
      return silentReporter;
    case 'live': {
      const { liveReporter } = await import('../report/live.ts');
      return liveReporter(io.terminal, paint, layout);
    }
    case 'github': {
      const { githubReporter } = await import('../report/github.ts');
      return githubReporter(io.err, io.ciCommand, makePaint(false));
    }
    default:
      return plainReporter(io.err, paint, { verbose: flags.verbose === true, timestamps: isCi(io) });
  }
}

/** Real services for a plan. */
export function makeServices(prospect: Prospect, io: Io): Services {
  const { cacheFolder, root, memo, records, engine } = prospect;
  return {
    engine,
    processes,
    records,
    logs: { open: (task) => openLog(cacheFolder, task, io.now(), warner(io)) },
    locks: openLocks(cacheFolder, () => io.err('waiting for another run that makes the same task\n')),
    newOwner,
    isGone: (owner) => isAlive(owner) === false,
    clock: { now: io.now, sleep: (ms, signal) => delay(ms, undefined, { signal }) },
    memo,
    root,
    cacheFolder,
    credentials: credentialsFor(io.environment, io.signal),
    environment: io.environment,
    warn: warner(io),
  };
}

/**
 * Builds what a plan says. `isShown`: also where nothing has to be built.
 * @throws TasksError exit 3 for an engine that cannot build it, before anything runs
 */
export async function buildPhase(
  run: ReportedRun,
  prospect: Prospect,
  isShown: boolean,
  flags: CommonFlags,
  io: Io,
): Promise<RunResult> {
  const steps = [...prospect.plan.steps.values()];
  const hasWork = steps.some(({ action }) => ['build', 'run', 'pull', 'blocked'].includes(action));
  // Before anything runs: half an hour of commands is no time to find out that the image behind them cannot be built.
  const builds = steps.filter((step) => step.action === 'build');
  await requireEngine(builds, prospect.observations, prospect.engine);
  return await run.phase(isShown || hasWork, (listen) =>
    runPlan(prospect.plan, prospect.observations, makeServices(prospect, io), {
      jobs: jobsOf(flags, io),
      limits: limitsOf(flags),
      keepGoing: flags.keepGoing === true,
      signal: io.signal,
      listen,
    }),
  );
}

/** Runs the tests of these steps' images. */
export async function testPhase(
  run: ReportedRun,
  prospect: Prospect,
  steps: readonly Step[],
  results: Results,
  flags: CommonFlags & { readonly retest?: boolean },
  io: Io,
): Promise<TestsResult> {
  return await run.phase(true, (listen) =>
    runTests(steps, results, makeServices(prospect, io), openTestPasses(prospect.cacheFolder, warner(io)), {
      jobs: jobsOf(flags, io),
      retest: flags.retest === true,
      keepGoing: flags.keepGoing === true,
      signal: io.signal,
      listen,
    }),
  );
}
