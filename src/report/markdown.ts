import type { RunEvent, TaskFailure } from '../model/events.ts';
import { formatDuration, pluralize } from './format.ts';
import { makePaint } from './paint.ts';
import type { Reporter } from './reporter.ts';
import { makeRunText, phaseCommands } from './run-text.ts';

type TaskFinished = Extract<RunEvent, { type: 'task-finished' }>;

/** Keeps the table within the 1 MiB that GitHub accepts per step. */
const maxRows = 500;

/**
 * Returns a reporter that appends a Markdown summary of each phase: the outcome of each task that was not up to date, and the
 * output of failures. The tags that a push sets are listed in the summary of its uploads.
 */
export function markdownReporter(append: (text: string) => void): Reporter {
  const runText = makeRunText(makePaint(false));
  const finished = new Map<string, TaskFinished>();
  let endLines: string[] | undefined;
  let title = '';
  /** Appends the summary of the current phase. A phase in which nothing was done has one only if it is the last. */
  const flush = (isLast: boolean): void => {
    if (endLines !== undefined && (isLast || finished.size > 0))
      append(summary(title, endLines, [...finished.values()]));
    endLines = undefined;
    finished.clear();
  };
  return {
    onEvent(event) {
      if (event.type === 'phase-started' && event.phase !== 'publish') {
        flush(false);
        title = phaseCommands[event.phase];
        runText.phaseStarted(event);
      }
      if (event.type === 'task-finished') {
        const upload = event.phase === 'publish' ? finished.get(event.id) : undefined;
        if (upload !== undefined && event.tags !== undefined)
          finished.set(event.id, { ...upload, tags: event.tags });
        else if (upload === undefined && runText.taskFinished(event) !== undefined)
          finished.set(event.id, event);
      }
      if (event.type === 'phase-finished' && event.phase !== 'publish')
        endLines = runText.phaseFinished(event);
      if (event.type === 'run-finished') flush(true);
    },
    close: async () => undefined,
  };
}

function summary(command: string, endLines: readonly string[], finished: readonly TaskFinished[]): string {
  const rows = finished.slice(0, maxRows).map(({ id, outcome, ms, tags }) => {
    const shown = (tags ?? []).map((tag) => `\`${tag}\``).join('<br>');
    return `| ${id} | ${outcome} | ${ms > 0 ? formatDuration(ms) : ''} | ${shown} |`;
  });
  const table =
    rows.length === 0 ? [] : ['| task | outcome | time | tags |', '| --- | --- | --- | --- |', ...rows, ''];
  const more = finished.length - rows.length;
  const failures = finished.flatMap(({ id, error }) =>
    error?.lines === undefined ? [] : failure(id, error),
  );
  return [
    `### tasks ${command}`,
    '',
    ...endLines.flatMap((line) => [line.trim(), '']),
    ...table,
    ...(more > 0 ? [`and ${pluralize(more, 'more task')}`, ''] : []),
    ...failures,
    '',
  ].join('\n');
}

function failure(id: string, { message, step, lines = [] }: TaskFailure): string[] {
  const text = [...lines, ...message.split('\n')];
  // The fence must be longer than any run of backticks in the text.
  const longest = Math.max(
    2,
    ...text.flatMap((line) => (line.match(/`+/g) ?? []).map((ticks) => ticks.length)),
  );
  const fence = '`'.repeat(longest + 1);
  const title = `${id} failed${step === undefined ? '' : `: ${step}`}`;
  const shown = title.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return ['<details open>', `<summary>${shown}</summary>`, '', fence, ...text, fence, '', '</details>', ''];
}
