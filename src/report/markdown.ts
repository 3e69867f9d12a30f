import type { RunEvent, TaskFailure } from '../model/events.ts';
import { formatDuration, pluralize } from './format.ts';
import { makePaint } from './paint.ts';
import type { Reporter } from './reporter.ts';
import { makeRunText, phaseCommands } from './run-text.ts';

type Finished = Extract<RunEvent, { type: 'task-finished' }>;

/** GitHub takes a megabyte for a step. */
const mostRows = 500;

/**
 * Follows a run and hands over a summary of each phase in Markdown: what happened to each task that was not simply up to date,
 * and the output of failures. The tags that a push sets stand in the summary of its uploads.
 */
export function markdownReporter(append: (text: string) => void): Reporter {
  const story = makeRunText(makePaint(false));
  const finished = new Map<string, Finished>();
  let ending: string[] | undefined;
  let title = '';
  /** A phase in which nothing happened is worth a summary only where no other follows. */
  const flush = (isLast: boolean): void => {
    if (ending !== undefined && (isLast || finished.size > 0))
      append(summary(title, ending, [...finished.values()]));
    ending = undefined;
    finished.clear();
  };
  return {
    onEvent(event) {
      if (event.type === 'phase-started' && event.phase !== 'publish') {
        flush(false);
        title = phaseCommands[event.phase];
        story.phaseStarted(event);
      }
      if (event.type === 'task-finished') {
        const upload = event.phase === 'publish' ? finished.get(event.id) : undefined;
        if (upload !== undefined && event.tags !== undefined)
          finished.set(event.id, { ...upload, tags: event.tags });
        else if (upload === undefined && story.taskFinished(event) !== undefined)
          finished.set(event.id, event);
      }
      if (event.type === 'phase-finished' && event.phase !== 'publish') ending = story.phaseFinished(event);
      if (event.type === 'run-finished') flush(true);
    },
    close: async () => undefined,
  };
}

function summary(command: string, ending: readonly string[], finished: readonly Finished[]): string {
  const rows = finished.slice(0, mostRows).map(({ id, outcome, ms, tags }) => {
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
    ...ending.flatMap((line) => [line.trim(), '']),
    ...table,
    ...(more > 0 ? [`and ${pluralize(more, 'more task')}`, ''] : []),
    ...failures,
    '',
  ].join('\n');
}

function failure(id: string, { message, step, lines = [] }: TaskFailure): string[] {
  const text = [...lines, ...message.split('\n')];
  // Longer than any fence inside of it.
  const longest = Math.max(
    2,
    ...text.flatMap((line) => (line.match(/`+/g) ?? []).map((ticks) => ticks.length)),
  );
  const fence = '`'.repeat(longest + 1);
  const title = `${id} failed${step === undefined ? '' : `: ${step}`}`;
  const shown = title.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return ['<details open>', `<summary>${shown}</summary>`, '', fence, ...text, fence, '', '</details>', ''];
}
