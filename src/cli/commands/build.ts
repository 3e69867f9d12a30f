import { listCacheEntries } from '../../cache/entries.ts';
import { removeEntries, selectExpired } from '../../cache/trim.ts';
import type { ExitCode } from '../../model/errors.ts';
import type { Plan } from '../../model/plan.ts';
import { nextCommand } from '../../report/next-command.ts';
import { combineReporters, type Reporter } from '../../report/reporter.ts';
import type { RunResult } from '../../run/run.ts';
import { exitCodeOf } from '../exit-code.ts';
import { type CommonFlags, reporterOf } from '../flags.ts';
import { type Io, warner } from '../io.ts';
import { keysInUse, type Prospect, planProject } from '../project.ts';
import { asksRegistry } from '../remote.ts';
import { buildPhase, followersOf, reportRun } from '../run.ts';
import { plan } from './plan.ts';

export interface BuildFlags extends CommonFlags {
  readonly dryRun?: boolean;
  readonly ui?: boolean;
}

/** `tasks build`: makes what changed; prints the selected images' tags. */
export async function build(selectors: readonly string[], flags: BuildFlags, io: Io): Promise<ExitCode> {
  if (flags.dryRun) return await plan(selectors, flags, io);
  const prospect = await planProject(selectors, flags, io, { withoutEngine: asksRegistry(flags, io) });
  return await buildProspect(prospect, selectors, flags, io, await followersWithPage(prospect, flags, io));
}

async function followersWithPage(prospect: Prospect, flags: BuildFlags, io: Io): Promise<Reporter> {
  const followers = followersOf(flags, io);
  if (!flags.ui) return followers;
  if (
    [...prospect.plan.steps.values()].every(({ action }) => ['reuse', 'skip', 'blocked'].includes(action))
  ) {
    io.err('nothing runs, so there is no page (`tasks graph --serve` has one)\n');
    return followers;
  }
  const { livePage } = await import('../live-page.ts');
  return combineReporters(followers, await livePage(prospect, io));
}

/** Carries a plan out, trims, prints tags and what to do next. */
export async function buildProspect(
  prospect: Prospect,
  selectors: readonly string[],
  flags: BuildFlags,
  io: Io,
  followers = followersOf(flags, io),
): Promise<ExitCode> {
  const result = await reportRun(
    'build',
    prospect,
    flags,
    io,
    followers,
    (run) => buildPhase(run, prospect, true, flags, io),
    ({ outcome }) => outcome === 'ok',
  );
  tidy(prospect, result, selectors, io);
  if (result.counts.reused === prospect.plan.steps.size) io.onIdle();
  if (!flags.json) {
    const done = [...prospect.plan.steps.values()].filter(({ task }) => result.results.has(task.id));
    io.out(done.flatMap(({ tags }) => tags.map((tag) => `${tag}\n`)).join(''));
  }
  if (!['json', 'silent'].includes(reporterOf(flags, io))) {
    const next = nextAfter(prospect.plan, result, selectors, flags);
    if (next !== undefined) io.err(`next: ${next}\n`);
  }
  return exitCodeOf(result.outcome);
}

/**
 * Notes what was used, and trims `.cache` after a build that made something of the whole project: a part of it would not
 * know what the rest still reuses.
 */
function tidy(
  prospect: Prospect,
  { counts, results }: RunResult,
  selectors: readonly string[],
  io: Io,
): void {
  const { cacheFolder } = prospect;
  const used = [...results.values()].map(({ key }) => key);
  try {
    prospect.records.markUsed(used, io.now());
    if (counts.built > 0 && selectors.length === 0)
      removeEntries(selectExpired(listCacheEntries(cacheFolder), keysInUse(prospect), io.now()));
  } catch (error) {
    // What was built is built.
    warner(io)(`.cache could not be trimmed: ${(error as Error).message}`);
  }
}

function nextAfter(
  { steps }: Plan,
  { outcome, failed }: RunResult,
  selectors: readonly string[],
  flags: BuildFlags,
): string | undefined {
  const isTestable = [...steps.values()].some(
    ({ task, action, selected }) =>
      selected && action === 'build' && task.kind === 'image' && task.test !== undefined,
  );
  const told = [
    ...(flags.directory !== undefined ? ['-C', flags.directory] : []),
    ...(flags.profile !== undefined ? ['--profile', flags.profile] : []),
  ];
  return nextCommand(
    { failed: failed[0], isInterrupted: outcome === 'interrupted', isTestable },
    told,
    selectors,
  );
}
