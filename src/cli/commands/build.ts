import { type BuildResult, buildProject } from '../../app/build-project.ts';
import { warnWith } from '../../app/notices.ts';
import { type PlannedProject, planProject } from '../../app/plan-project.ts';
import type { ExitCode } from '../../model/errors.ts';
import type { RunOutcome } from '../../model/events.ts';
import { nextCommand } from '../../report/next-command.ts';
import { combineReporters, type Reporter } from '../../report/reporter.ts';
import { type Context, isVocal, openHere, planOptions, runOptions } from '../context.ts';
import { exitCodeOf } from '../exit-code.ts';
import { openBrowser } from '../open-browser.ts';
import { openFollowers, withScreen } from '../run-screen.ts';
import { plan } from './plan.ts';

export interface BuildFlags {
  readonly dryRun?: boolean;
  readonly ui?: boolean;
  readonly open?: boolean;
}

/** `tasks build`: builds what changed, and prints the tags of the selected images. */
export async function build(
  context: Context,
  selectors: readonly string[],
  flags: BuildFlags,
): Promise<ExitCode> {
  if (flags.dryRun) return await plan(context, selectors, {});
  const followers = await openFollowers(context);
  const planned = await planBuild(context, selectors);
  if (!flags.ui && !flags.open) {
    const { outcome } = await buildAndReport(planned, selectors, context, followers);
    return exitCodeOf(outcome);
  }
  return exitCodeOf(
    await buildWithPage(planned, selectors, context, { followers, opens: flags.open === true }),
  );
}

/** `--ui`: the page follows the run, and stays until an interrupt. */
async function buildWithPage(
  planned: PlannedProject,
  selectors: readonly string[],
  context: Context,
  { followers, opens }: { readonly followers: Reporter; readonly opens: boolean },
): Promise<RunOutcome> {
  const { host, terminal, signal } = context;
  const { serveRunPage } = await import('../../app/serve-page.ts');
  const page = await serveRunPage(planned, host);
  try {
    terminal.err(`page: ${page.url} (until Ctrl-C)\n`);
    if (opens) openBrowser(page.url, { environment: host.environment, warn: warnWith(host.notify) });
    const toPage: Reporter = { onEvent: page.send, close: async () => undefined };
    const { outcome } = await buildAndReport(
      planned,
      selectors,
      context,
      combineReporters(followers, toPage),
    );
    if (!signal.aborted) {
      terminal.err(`the page stays open: ${page.url} (Ctrl-C to close it)\n`);
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    }
    return outcome;
  } finally {
    await page.close();
  }
}

/** Plans a build. A build that asks the registry needs the engine only if something has to be built. */
async function planBuild(context: Context, selectors: readonly string[]): Promise<PlannedProject> {
  const options = planOptions(context, selectors);
  return await planProject(await openHere(context), options, context.host, {
    needsEngine: !options.fromRegistry,
  });
}

/** Builds a planned project with a screen, then prints tags and what to do next. */
export async function buildAndReport(
  planned: PlannedProject,
  selectors: readonly string[],
  context: Context,
  followers: Reporter,
): Promise<BuildResult> {
  const { terminal, settings } = context;
  const result = await withScreen(context, { followers, mainPhase: 'build' }, (onEvent) =>
    buildProject(
      planned,
      { ...runOptions(context, onEvent), isWholeProject: selectors.length === 0 },
      context.host,
    ),
  );
  if (result.counts.reused === planned.plan.steps.size) context.onIdle();
  if (!settings.output.json) terminal.out(result.tags.map((tag) => `${tag}\n`).join(''));
  if (isVocal(context)) {
    const next = nextAfter(planned, result, selectors);
    if (next !== undefined) terminal.err(context.own.pasteable(`next: ${next}\n`));
  }
  return result;
}

function nextAfter(
  { plan }: PlannedProject,
  { outcome, failed }: BuildResult,
  selectors: readonly string[],
): string | undefined {
  const isTestable = [...plan.steps.values()].some(
    ({ task, action, selected }) =>
      selected && action === 'build' && task.kind === 'image' && task.test !== undefined,
  );
  return nextCommand({ failed: failed[0], isInterrupted: outcome === 'interrupted', isTestable }, selectors);
}
