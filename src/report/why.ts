import type { Manifest } from '../model/record.ts';
import { alignColumns, pluralize } from './format.ts';
import type { Paint } from './reporter.ts';

/** What `tasks why` found, ready to be shown. */
export interface WhyAnswer {
  readonly task: string;
  readonly action: string;
  readonly reasons: readonly { readonly code: string; readonly detail: string }[];
  readonly against?: { readonly task: string; readonly time?: string };
  /** What kind of input, which, and what happened to it. */
  readonly rows: readonly (readonly [string, string, string])[];
  /** All of the task's inputs as they are now. */
  readonly manifest: Manifest | undefined;
}

const verdicts: Readonly<Record<string, string>> = {
  reuse: 'is up to date',
  build: 'will be built',
  run: 'will be run',
  skip: 'is not here, and nothing that will be done needs it',
  blocked: 'cannot be made',
};

/** An answer for people, within 80 columns where the inputs' own names allow it. */
export function whyText(answer: WhyAnswer, paint: Paint): string[] {
  const { task, action, reasons, against, rows } = answer;
  const isComparison = against !== undefined && against.time === undefined;
  const head = isComparison
    ? `${task} against ${against.task}:`
    : `${paint.bold(task)} ${verdicts[action] ?? action}`;
  // The rows say what a changed input is; the other reasons stand for themselves.
  const isSaid = (code: string): boolean => rows.length > 0 && ['changed', 'not-built'].includes(code);
  const others = isComparison ? [] : reasons.filter(({ code }) => !isSaid(code));
  return [head, ...tableOf(rows), ...others.map(({ detail }) => `  ${detail}`), ...sameLine(answer, paint)];
}

const width = 80;

/** Columns; a row that is too wide goes on below its name. */
function tableOf(rows: WhyAnswer['rows']): string[] {
  const fitting = rows.filter((row) => row.join('  ').length + 4 <= width);
  const aligned = alignColumns(fitting.map(([kind, name, what]) => [`  ${kind}`, name, what]));
  return rows.flatMap((row) => {
    const at = fitting.indexOf(row);
    if (at >= 0) return aligned[at]!;
    const [kind, name, what] = row;
    const parts = what.length + 6 <= width ? [what] : what.replace(' → ', ' →\n').split('\n');
    return [`  ${kind}  ${name}`, ...parts.map((part) => `      ${part}`)];
  });
}

/** `the same as on 2026-11-12 14:02: 11 files, 3 args, 1 need`. */
function sameLine({ task, against, rows, manifest }: WhyAnswer, paint: Paint): string[] {
  if (against === undefined || manifest === undefined || rows.some(([kind]) => kind === 'key')) return [];
  const changed = new Set(rows.map(([kind, name]) => `${kind} ${name}`));
  const counts = new Map<string, number>();
  for (const [kind, name] of manifest.lines) {
    const word = kind === 'step' ? 'instruction' : kind;
    if (
      !['file', 'arg', 'label', 'need', 'base', 'instruction', 'env'].includes(word) ||
      changed.has(`${kind} ${name}`)
    )
      continue;
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const steps = rows.filter(([kind]) => kind === 'step').length;
  if (steps > 0) counts.set('instruction', Math.max(0, (counts.get('instruction') ?? 0) - steps));
  const parts = [...counts]
    .filter(([, number]) => number > 0)
    .map(([word, number]) => pluralize(number, word));
  const what = against.task === task ? '' : ` ${against.task}`;
  const when = against.time ? ` on ${against.time.slice(0, 16).replace('T', ' ')}` : '';
  return [paint.dim(`the same as${what}${when}: ${parts.join(', ') || 'nothing'}`)];
}
