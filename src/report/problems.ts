import { type Problem, problemTitle, type SourcePlace, type TasksError } from '../model/errors.ts';
import { clip } from './format.ts';
import type { Paint } from './reporter.ts';

/** How wide a line of a file is shown where the width is not known. */
const defaultWidth = 120;

/**
 * Returns the lines that show an error. Problems of definitions show their lines in the source. `columns`: the width of the terminal;
 * undefined if it is not known.
 */
export function errorLines(
  error: TasksError & { readonly problems?: readonly Problem[] },
  paint: Paint,
  columns = defaultWidth,
): string[] {
  const { problems, message, hint } = error;
  if (problems !== undefined)
    return problems.flatMap((problem, index) => [
      ...(index === 0 ? [] : ['']),
      ...problemLines(problem, paint, columns),
    ]);
  return [
    `${paint.bad('error:')} ${message}`,
    ...(hint === undefined ? [] : [`${paint.warn('hint:')} ${hint}`]),
  ];
}

function problemLines(problem: Problem, paint: Paint, columns: number): string[] {
  const { message, place, found, expected, hint } = problem;
  return [
    `${paint.bad('error:')} ${paint.bold(problemTitle(problem))}: ${message}`,
    ...(place === undefined ? [] : excerptLines(place, paint, columns)),
    ...(found === undefined ? [] : [`  found:    ${found}`]),
    ...(expected === undefined ? [] : [`  expected: ${expected}`]),
    ...(hint === undefined ? [] : [`  ${paint.warn('hint:')}     ${hint}`]),
  ];
}

/** How many characters are shown before what is meant, in a line that does not fit. */
const lead = 20;
const tabWidth = 2;

/** Returns the line of a place, and a mark below what is meant. */
function excerptLines(place: SourcePlace, paint: Paint, columns: number): string[] {
  const spread = (text: string): string => text.replaceAll('\t', ' '.repeat(tabWidth));
  const before = spread(place.text.slice(0, place.column - 1));
  const meant = spread(place.text.slice(place.column - 1, place.column - 1 + place.length));
  const after = spread(place.text.slice(place.column - 1 + place.length));
  const number = String(place.line);
  const width = Math.max(lead * 2, columns - number.length - ' │ '.length - ' '.length * 2);
  const isLong = before.length + meant.length + after.length > width;
  const cut = isLong ? Math.max(0, before.length - lead) : 0;
  const start = cut === 0 ? before : `…${before.slice(cut + 1)}`;
  const text = clip(`${start}${meant}${after}`, width).trimEnd();
  const marks = '^'.repeat(Math.max(1, Math.min(meant.length, width - start.length)));
  const bar = paint.dim('│');
  return [
    ` ${paint.dim(number)} ${bar} ${text}`,
    ` ${' '.repeat(number.length)} ${bar} ${' '.repeat(start.length)}${paint.bad(marks)}`,
  ];
}
