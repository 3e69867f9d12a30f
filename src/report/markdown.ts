import type { Phase, PlannedTask, RunEvent } from '../model/events.ts';
import type { TaskId } from '../model/task.ts';
import { type FailedTask, failureGroups, type Reader } from './failures.ts';
import { clip, formatBytes, formatDuration, pluralize, stripControls } from './format.ts';
import { makePaint } from './paint.ts';
import type { Reporter } from './reporter.ts';
import { makeRunText } from './run-text.ts';

type TaskFinished = Extract<RunEvent, { type: 'task-finished' }>;

export interface MarkdownOptions {
  /** Appends what `render` returns for the number of bytes that may be appended. */
  append(render: (room: number) => string): void;
  readonly reader: Reader;
}

/** What happened to a task in the phases of a run. */
interface TaskReport {
  readonly id: TaskId;
  readonly planned?: PlannedTask | undefined;
  readonly finished: Partial<Record<Phase, TaskFinished>>;
}

const maxRows = 500;
const maxReason = 160;
const maxLine = 500;
/** Bytes for the words that say what was left out. */
const reserve = 200;

/**
 * Returns a reporter that appends a Markdown summary of a run when it finishes: what each phase did, why tasks failed, and a row for
 * each task that was not up to date. If there is too little room, failures and rows are left out, and a line says so.
 */
export function markdownReporter({ append, reader }: MarkdownOptions): Reporter {
  const paint = makePaint(false);
  const runText = makeRunText(paint);
  const tasks = new Map<TaskId, TaskReport>();
  const failures: FailedTask[] = [];
  const phases: { readonly phase: Phase; readonly lines: readonly string[]; readonly hasWork: boolean }[] =
    [];
  let command = '';
  let hasWork = false;

  const finish = (event: TaskFinished): void => {
    const isShown = runText.taskFinished(event) !== undefined;
    hasWork ||= isShown;
    const isPass = event.phase === 'test' && event.outcome === 'reused';
    const report = tasks.get(event.id) ?? { id: event.id, finished: {} };
    tasks.set(event.id, report);
    if (isShown || isPass || event.phase === 'publish') report.finished[event.phase] = event;
    if (event.outcome === 'failed' && event.error !== undefined)
      failures.push({ id: event.id, error: event.error });
  };
  const flush = (): void => {
    const shown = phases.filter((each, index) => each.hasWork || index === phases.length - 1);
    const head = [
      `### tasks ${command}`,
      ...shown.map(({ phase, lines }) =>
        [...(shown.length > 1 ? [`**${phase}**`] : []), ...lines.map((line) => line.trim())].join('<br>'),
      ),
    ];
    const reports = [...tasks.values()].filter(hasRow);
    append((room) => fit(head, failureGroups(failures, paint, reader), reports, room));
  };
  return {
    onEvent(event) {
      switch (event.type) {
        case 'run-started':
          ({ command } = event);
          tasks.clear();
          failures.length = 0;
          phases.length = 0;
          for (const task of event.tasks) tasks.set(task.id, { id: task.id, planned: task, finished: {} });
          break;
        case 'phase-started':
          hasWork = false;
          if (event.phase !== 'publish') runText.phaseStarted(event);
          break;
        case 'task-finished':
          finish(event);
          break;
        case 'phase-finished':
          if (event.phase !== 'publish')
            phases.push({ phase: event.phase, lines: runText.phaseFinished(event), hasWork });
          break;
        case 'run-finished':
          flush();
          break;
      }
    },
    close: async () => undefined,
  };
}

/** A test that had passed before, or tags alone, are no reason for a row. */
function hasRow({ finished: { build, test, upload } }: TaskReport): boolean {
  return build !== undefined || upload !== undefined || (test !== undefined && test.outcome !== 'reused');
}

/** Returns as much of a summary as fits `room` bytes; at most half of that is failures. */
function fit(
  head: readonly string[],
  groups: readonly string[][],
  reports: readonly TaskReport[],
  room: number,
): string {
  const start = head.map((line) => `${line}\n\n`).join('');
  let left = room - Buffer.byteLength(start) - reserve;
  if (left < 0) return '';
  const take = (texts: readonly string[], limit: number): string[] => {
    const before = left;
    const kept: string[] = [];
    for (const text of texts) {
      const size = Buffer.byteLength(text);
      if (before - left + size > limit) break;
      kept.push(text);
      left -= size;
    }
    return kept;
  };
  const blocks = take(groups.map(failureBlock), left / 2);
  const more = groups.length - blocks.length;
  const note = more > 0 ? `and ${pluralize(more, 'more failure')}\n\n` : '';
  return `${start}${blocks.join('')}${note}${table(reports, (rows) => take(rows, left))}`;
}

function failureBlock([title = '', ...lines]: readonly string[]): string {
  const text = lines.map((line) => clip(line.replace(/^ {2}/, ''), maxLine));
  // The fence must be longer than any run of backticks in the text.
  const runs = text.flatMap((line) => (line.match(/`+/g) ?? []).map((ticks) => ticks.length));
  const fence = '`'.repeat(Math.max(2, ...runs) + 1);
  const shown = clip(title, maxLine).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<details open>\n<summary>${shown}</summary>\n\n${[fence, ...text, fence].join('\n')}\n\n</details>\n\n`;
}

/** The columns of the table. One that is empty in all rows is left out. */
const columns: readonly (readonly [heading: string, cell: (report: TaskReport) => string])[] = [
  ['task', ({ id }) => id],
  ['result', resultOf],
  ['why', ({ planned, finished }) => (finished.build === undefined ? '' : escapeCell(reasonOf(planned)))],
  ['test', ({ finished: { test } }) => (test === undefined ? '' : testResultOf(test))],
  ['time', timeOf],
  ['size', sizeOf],
  [
    'tags',
    ({ finished }) =>
      tagsOf(finished)
        .map((tag) => `\`${tag}\``)
        .join('<br>'),
  ],
];

function table(reports: readonly TaskReport[], take: (rows: readonly string[]) => readonly string[]): string {
  if (reports.length === 0) return '';
  const cells = reports.slice(0, maxRows).map((report) => columns.map(([, cell]) => cell(report)));
  const used = columns.map((_, index) => cells.some((row) => row[index] !== ''));
  const line = (row: readonly string[]): string =>
    `| ${row.filter((_, index) => used[index]).join(' | ')} |\n`;
  const head = line(columns.map(([heading]) => heading)) + line(columns.map(() => '---'));
  const [, ...rows] = take([head, ...cells.map(line)]);
  const more = reports.length - rows.length;
  const note = more > 0 ? `\nand ${pluralize(more, 'more task')}\n` : '';
  return `${rows.length > 0 ? head + rows.join('') : ''}${note}\n`;
}

const words: Readonly<Partial<Record<TaskFinished['outcome'], string>>> = {
  reused: 'up to date',
  cancelled: 'canceled',
};

function resultOf({ planned, finished: { build, upload } }: TaskReport): string {
  const built = build === undefined ? [] : [wordOf(build, planned?.action === 'run' ? 'ran' : 'built')];
  const uploaded = upload === undefined ? [] : [wordOf(upload, 'uploaded')];
  return [...built, ...uploaded].join(', ') || 'up to date';
}

function wordOf({ outcome }: TaskFinished, done: string): string {
  if (outcome === 'failed') return '**failed**';
  return outcome === 'built' ? done : (words[outcome] ?? outcome);
}

function testResultOf({ outcome, ms }: TaskFinished): string {
  if (outcome === 'reused') return 'passed before';
  const time = ms > 0 ? ` in ${formatDuration(ms)}` : '';
  if (outcome === 'built') return `passed${time}`;
  return outcome === 'failed' ? `**failed**${time}` : (words[outcome] ?? outcome);
}

function reasonOf(planned: PlannedTask | undefined): string {
  return clip(stripControls(planned?.reason?.detail ?? ''), maxReason);
}

function timeOf({ finished: { build, upload } }: TaskReport): string {
  const { ms } = build ?? upload ?? { ms: 0 };
  return ms > 0 ? formatDuration(ms) : '';
}

/** Formats the size and how much it changed: `412 MB (+3.0 MB)`. */
function sizeOf({ planned, finished: { build, upload } }: TaskReport): string {
  const { bytes = 0 } = build ?? upload ?? {};
  if (bytes === 0) return '';
  const before = build === undefined ? undefined : planned?.previousBytes;
  const change = before === undefined ? 0 : bytes - before;
  const sign = change > 0 ? '+' : '-';
  return `${formatBytes(bytes)}${change === 0 ? '' : ` (${sign}${formatBytes(Math.abs(change))})`}`;
}

/** A push publishes other tags than the build sets. */
function tagsOf({ build, publish }: TaskReport['finished']): readonly string[] {
  return publish?.tags ?? build?.tags ?? [];
}

/** Escapes text for a cell of a table: the punctuation that means something in GitHub Flavored Markdown. */
function escapeCell(text: string): string {
  return text.replace(/[\\`*_[\]<>#!|~&$]/g, '\\$&');
}
