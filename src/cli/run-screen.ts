import { appendFileSync, statSync, writeFileSync } from 'node:fs';
import { warnWith } from '../app/notices.ts';
import { TasksError } from '../model/errors.ts';
import type { Listener, Phase, RunEvent } from '../model/events.ts';
import { makePaint } from '../report/paint.ts';
import { plainReporter } from '../report/plain.ts';
import { quietReporter } from '../report/quiet.ts';
import {
  combineReporters,
  jsonReporter,
  type Reporter,
  sanitizingReporter,
  silentReporter,
} from '../report/reporter.ts';
import type { Context } from './context.ts';

/** Shows a run, phase by phase. */
export interface RunScreen {
  readonly onEvent: Listener;
  /** Resolves when everything is shown. */
  close(): Promise<void>;
}

/** Opens what follows runs besides the screen: a test report, a job summary, a trace. @throws TasksError exit 2 for a wrong path */
export async function openFollowers(context: Context): Promise<Reporter> {
  return combineReporters(
    await openTestReport(context),
    await openJobSummary(context),
    await openTrace(context),
  );
}

/** Runs `work` with a screen for its events. Only the phase `mainPhase` is shown even if no task has anything to do in it. */
export async function withScreen<T>(
  context: Context,
  { followers, mainPhase }: { readonly followers: Reporter; readonly mainPhase: Phase },
  work: (onEvent: Listener) => Promise<T>,
): Promise<T> {
  const screen = await openScreen(context, followers, mainPhase);
  try {
    return await work(screen.onEvent);
  } finally {
    await screen.close();
  }
}

async function openScreen(context: Context, followers: Reporter, mainPhase: Phase): Promise<RunScreen> {
  if (context.settings.output.reporter === 'json')
    return combineReporters(jsonReporter(context.terminal.json), followers);
  const status = await openTerminalStatus(context);
  const openPhase = await phaseReporters(context);
  const queue: RunEvent[] = [];
  let current = silentReporter;
  let closing: Promise<void> | undefined;
  let runStarted: RunEvent | undefined;
  const show = (event: RunEvent): void => {
    if (event.type === 'phase-started') {
      current =
        event.phase === mainPhase || hasWork(event) ? sanitizingReporter(openPhase()) : silentReporter;
      if (runStarted !== undefined) current.onEvent(runStarted);
    }
    current.onEvent(event);
    if (event.type !== 'phase-finished') return;
    closing = current.close().then(() => {
      closing = undefined;
      while (closing === undefined && queue.length > 0) show(queue.shift()!);
    });
    current = silentReporter;
  };
  return {
    onEvent(event) {
      followers.onEvent(event);
      status.onEvent(event);
      if (event.type === 'run-started') runStarted = event;
      // A command reports by itself what it published.
      if (!('phase' in event) || event.phase === 'publish') return;
      if (closing !== undefined) queue.push(event);
      else show(event);
    },
    async close() {
      while (closing !== undefined) await closing;
      await current.close();
      await status.close();
      await followers.close();
    },
  };
}

function hasWork({ tasks }: Extract<RunEvent, { type: 'phase-started' }>): boolean {
  return tasks.some(({ action }) => !['reuse', 'retag', 'skip'].includes(action));
}

/** Shows the progress in the title and in the progress bar of the terminal. */
async function openTerminalStatus({ settings, terminal, host }: Context): Promise<Reporter> {
  const { terminal: features } = settings.output;
  if (!features.title && !features.progress) return silentReporter;
  const { terminalStatusReporter } = await import('../report/terminal-status.ts');
  const { errStream } = terminal;
  // The live view replaces `write` while it draws.
  const write = errStream.write.bind(errStream);
  return terminalStatusReporter(write, features, host.clock, terminal.onExit);
}

/** Returns a function that makes a reporter for a phase. */
async function phaseReporters({ settings, terminal, cwd, host, own }: Context): Promise<() => Reporter> {
  const { reporter, layout, errColor, verbose, isCi, hasSections } = settings.output;
  const paint = makePaint(errColor);
  const reader = { folder: cwd, pasteable: own.pasteable };
  if (reporter === 'silent' && settings.output.isQuiet)
    return () => quietReporter(terminal.err, paint, reader);
  if (reporter === 'live') {
    const { liveReporter } = await import('../report/live.ts');
    return () => liveReporter(terminal.errStream, paint, layout, reader);
  }
  if (reporter === 'github' || hasSections) {
    const { groupedReporter } = await import('../report/grouped.ts');
    const seconds = (): number => Math.floor(host.clock.now().getTime() / 1000);
    const marks =
      reporter === 'github'
        ? (await import('../report/github.ts')).githubMarks(terminal.ciCommand)
        : (await import('../report/gitlab.ts')).gitlabMarks(terminal.ciCommand, seconds);
    return () => groupedReporter(terminal.err, marks, { paint: makePaint(false), reader, clock: host.clock });
  }
  if (reporter === 'plain')
    return () => plainReporter(terminal.err, paint, { verbose, timestamps: isCi, reader, clock: host.clock });
  return () => silentReporter;
}

/** GitHub refuses larger summaries of a step (docs.github.com, "Workflow commands"). */
const maxSummaryBytes = 1 << 20;

/** GitHub shows the content of its file on the page of the workflow run. */
async function openJobSummary({ settings, host, cwd, own }: Context): Promise<Reporter> {
  const { jobSummary } = settings.output;
  if (jobSummary === undefined) return silentReporter;
  const { markdownReporter } = await import('../report/markdown.ts');
  const append = (render: (room: number) => string): void => {
    try {
      // Other commands of the same step write to the same file.
      const size = statSync(jobSummary, { throwIfNoEntry: false })?.size ?? 0;
      appendFileSync(jobSummary, render(maxSummaryBytes - size));
    } catch (error) {
      warnWith(host.notify)(`cannot write the job summary: ${(error as Error).message}`);
    }
  };
  return sanitizingReporter(markdownReporter({ append, reader: { folder: cwd, pasteable: own.pasteable } }));
}

async function openTestReport({ settings, host }: Context): Promise<Reporter> {
  const { junit } = settings.output;
  if (junit === undefined) return silentReporter;
  const { checkChosenFile, writeChosenFile } = await import('../disk/chosen-file.ts');
  const { junitReporter } = await import('../report/junit.ts');
  try {
    checkChosenFile(junit);
  } catch (error) {
    throw new TasksError(2, `cannot write --junit: ${(error as Error).message}`, { cause: error });
  }
  return sanitizingReporter(
    junitReporter((text) => {
      try {
        writeChosenFile(junit, text);
      } catch (error) {
        warnWith(host.notify)(`cannot write --junit: ${(error as Error).message}`);
      }
    }),
  );
}

async function openTrace({ settings }: Context): Promise<Reporter> {
  const { trace } = settings.output;
  if (trace === undefined) return silentReporter;
  const { traceReporter } = await import('../report/trace.ts');
  const save = (text: string): void => writeFileSync(trace, text);
  try {
    // Fails now, not after an hour of work.
    save('');
  } catch (error) {
    throw new TasksError(2, `cannot write --trace: ${(error as Error).message}`);
  }
  return traceReporter(save);
}
