import { stripControls } from './format.ts';
import type { Paint } from './reporter.ts';

/** A finished task as the live view shows it: its line and, for a failure, the last lines of its output. */
export interface FinishedTask {
  readonly line: string;
  readonly output?: readonly string[];
}

/** How many lines of a failure's output stay visible. */
const outputLines = 3;

/**
 * Returns at most `room` lines for the tasks that finished last, in order. Up to half of them are for failures, which stay
 * visible with the end of their output.
 */
export function finishedLines(all: readonly FinishedTask[], room: number, paint: Paint): string[] {
  const shown = new Map<FinishedTask, readonly string[]>();
  let left = Math.ceil(room / 2);
  for (const each of all.filter(({ output }) => output !== undefined).reverse()) {
    if (left === 0) break;
    const output = last(each.output!, Math.min(outputLines, left - 1));
    shown.set(each, [each.line, ...output.map((text) => `  ${paint.dim('│')} ${stripControls(text)}`)]);
    left -= 1 + output.length;
  }
  left += Math.floor(room / 2);
  const others = all.filter(({ output }) => output === undefined);
  for (const each of last(others, left)) shown.set(each, [each.line]);
  return all.flatMap((each) => shown.get(each) ?? []);
}

function last<T>(items: readonly T[], number: number): readonly T[] {
  return number > 0 ? items.slice(-number) : [];
}
