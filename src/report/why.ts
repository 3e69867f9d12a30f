import { contextFile, type Manifest } from '../model/record.ts';
import { alignColumns, pluralize } from './format.ts';
import type { Paint } from './reporter.ts';

/** The answer of `tasks why`. */
export interface WhyAnswer {
  readonly task: string;
  readonly action: string;
  readonly reasons: readonly { readonly code: string; readonly detail: string }[];
  /** What the task is compared with: a record, which has a time, or the current state of another task. */
  readonly against?: { readonly task: string; readonly time?: string };
  /** The inputs that differ: kind, name and change. */
  readonly rows: readonly (readonly [kind: string, name: string, change: string])[];
  /** The current inputs of the task. */
  readonly manifest: Manifest | undefined;
}

const verdicts: Readonly<Record<string, string>> = {
  reuse: 'is up to date',
  build: 'will be built',
  run: 'will be run',
  pull: 'will be pulled',
  retag: 'will be retagged',
  skip: 'is skipped',
  blocked: 'is blocked',
};

/** Formats an answer as text. It fits 80 columns unless the names of inputs are too long. */
export function whyText(answer: WhyAnswer, paint: Paint): string[] {
  const { task, action, reasons, against, rows } = answer;
  const isComparison = against !== undefined && against.time === undefined;
  const head = isComparison
    ? `${task} compared with ${against.task}:`
    : `${paint.bold(task)} ${verdicts[action] ?? action}`;
  // The rows say more about changed inputs than these reasons do.
  const isCovered = (code: string): boolean => rows.length > 0 && ['changed', 'not-built'].includes(code);
  const others = isComparison ? [] : reasons.filter(({ code }) => !isCovered(code));
  return [
    head,
    ...tableLines(rows),
    ...others.map(({ detail }) => `  ${detail}`),
    ...unchangedLine(answer, paint),
  ];
}

const width = 80;

/** Formats rows in columns. The change of a row that is too wide continues below. */
function tableLines(rows: WhyAnswer['rows']): string[] {
  const fitting = rows.filter((row) => row.join('  ').length + 4 <= width);
  const aligned = alignColumns(fitting.map(([kind, name, change]) => [`  ${kind}`, name, change]));
  return rows.flatMap((row) => {
    const at = fitting.indexOf(row);
    if (at >= 0) return aligned[at]!;
    const [kind, name, change] = row;
    const parts = change.length + 6 <= width ? [change] : change.replace(' → ', ' →\n').split('\n');
    return [`  ${kind}  ${name}`, ...parts.map((part) => `      ${part}`)];
  });
}

/** Counts the inputs that do not differ: `unchanged since 2026-11-12 14:02: 11 files, 3 args, 1 need`. */
function unchangedLine({ task, against, rows, manifest }: WhyAnswer, paint: Paint): string[] {
  if (against === undefined || manifest === undefined || rows.some(([kind]) => kind === 'key')) return [];
  const changed = new Set(rows.map(([kind, name]) => `${kind} ${name}`));
  const counts = new Map<string, number>();
  for (const [kind, name] of manifest.lines) {
    const label = kind === 'step' ? 'instruction' : kind === contextFile ? 'file' : kind;
    if (
      !['file', 'arg', 'label', 'need', 'base', 'instruction', 'env'].includes(label) ||
      changed.has(`${kind} ${name}`)
    )
      continue;
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const steps = rows.filter(([kind]) => kind === 'step').length;
  if (steps > 0) counts.set('instruction', Math.max(0, (counts.get('instruction') ?? 0) - steps));
  const parts = [...counts]
    .filter(([, number]) => number > 0)
    .map(([label, number]) => pluralize(number, label));
  const time = against.time?.slice(0, 16).replace('T', ' ');
  const isSameTask = against.task === task && time !== undefined;
  const lead = isSameTask
    ? `unchanged since ${time}`
    : `same as ${against.task}${time === undefined ? '' : ` on ${time}`}`;
  return [paint.dim(`${lead}: ${parts.join(', ') || 'nothing'}`)];
}
