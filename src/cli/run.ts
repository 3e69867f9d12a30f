import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openLocks } from '../cache/locks.ts';
import { openLog } from '../cache/logs.ts';
import { isAlive, newOwner } from '../cache/owner.ts';
import { openPasses } from '../cache/passes.ts';
import { processes } from '../engine/processes.ts';
import { TasksError } from '../model/errors.ts';
import type { Step } from '../model/plan.ts';
import type { TaskRecord } from '../model/record.ts';
import type { TaskId } from '../model/task.ts';
import { credentialsFor } from '../registry/credentials.ts';
import { markdownReporter } from '../report/markdown.ts';
import { makePaint } from '../report/paint.ts';
import { plainReporter } from '../report/plain.ts';
import { jsonReporter, type Reporter, sanitizing, silentReporter, together } from '../report/reporter.ts';
import { traceReporter } from '../report/trace.ts';
import type { Results } from '../run/needs.ts';
import { requireEngine } from '../run/ready.ts';
import { type RunResult, runPlan } from '../run/run.ts';
import type { Services } from '../run/services.ts';
import { runTests, type TestsResult } from '../run/tests.ts';
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
 * What follows runs beside the reporter: a trace and a job summary, where they are asked for. They may follow several runs
 * of one command.
 * @throws TasksError exit 2 for a trace that cannot be written
 */
export function followersOf(flags: CommonFlags, io: Io): Reporter {
  return together(traceOf(flags, io), jobSummary(io));
}

/** GitHub shows what is appended to that file on the page of the workflow's run. */
function jobSummary(io: Io): Reporter {
  const file = io.environment.GITHUB_STEP_SUMMARY;
  if (!file) return silentReporter;
  return sanitizing(
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

/** The reporter that flags and terminal ask for, with its followers. JSON is an answer and goes to standard output, all others are not. */
export async function makeReporter(flags: CommonFlags, io: Io, followers: Reporter): Promise<Reporter> {
  return together(await screenReporter(flags, io), followers);
}

async function screenReporter(flags: CommonFlags, io: Io): Promise<Reporter> {
  const layout = viewOf(flags);
  const name = reporterOf(flags, io);
  // JSON escapes what it contains.
  if (name === 'json') return jsonReporter(io.json);
  return sanitizing(await textReporter(name, layout, flags, io));
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
      return plainReporter(io.err, paint, { verbose: flags.verbose === true, stamped: isCi(io) });
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

/** Carries a plan out and shows it. */
export async function runProspect(
  prospect: Prospect,
  command: string,
  flags: CommonFlags,
  io: Io,
  followers = followersOf(flags, io),
): Promise<RunResult> {
  const jobs = jobsOf(flags, io);
  // Before anything runs: half an hour of commands is no time to find out that the image behind them cannot be built.
  const builds = [...prospect.plan.steps.values()].filter((step) => step.action === 'build');
  await requireEngine(builds, prospect.observations, prospect.engine);
  const reporter = await makeReporter(flags, io, followers);
  try {
    return await runPlan(prospect.plan, prospect.observations, makeServices(prospect, io), {
      command,
      jobs,
      limits: limitsOf(flags),
      keepGoing: flags.keepGoing === true,
      signal: io.signal,
      listen: reporter.listen,
    });
  } finally {
    await reporter.close();
  }
}

/** Runs the tests of these steps' images, and shows it. */
export async function testProspect(
  prospect: Prospect,
  steps: readonly Step[],
  results: Results,
  followers: Reporter,
  flags: CommonFlags & { readonly retest?: boolean },
  io: Io,
): Promise<TestsResult> {
  const reporter = await makeReporter(flags, io, followers);
  try {
    return await runTests(
      steps,
      results,
      makeServices(prospect, io),
      openPasses(prospect.cacheFolder, warner(io)),
      {
        jobs: jobsOf(flags, io),
        retest: flags.retest === true,
        keepGoing: flags.keepGoing === true,
        signal: io.signal,
        listen: reporter.listen,
      },
    );
  } finally {
    await reporter.close();
  }
}

/** The results that were there before anything is done. */
export function recordsOf(steps: readonly Step[]): Map<TaskId, TaskRecord> {
  return new Map(
    steps.flatMap(({ task, record }) => (record !== undefined ? [[task.id, record] as const] : [])),
  );
}
