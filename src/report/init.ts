import { pluralize } from './format.ts';
import type { Paint } from './reporter.ts';

/** Formats what was not carried over. */
export function omissionLines(omissions: readonly string[], paint: Paint): string[] {
  return omissions.length === 0
    ? []
    : [`${paint.warn('not carried over')}`, ...omissions.map((each) => `  ${each}`)];
}

interface ComparedTargets {
  readonly equal: number;
  readonly differences: readonly {
    readonly target?: { readonly name: string; readonly place: string };
    readonly task?: string;
    readonly lines: readonly string[];
  }[];
}

/** Formats a comparison as a diff, and a line that says how many targets are equal. */
export function comparisonLines(
  { equal, differences }: ComparedTargets,
  source: string,
  paint: Paint,
): string[] {
  const lines = differences.flatMap(({ target, task, lines: changes }) => [
    `--- ${target?.place ?? '(no target)'}`,
    `+++ ${task ?? '(no task)'}`,
    ...changes.map((change) => (change.startsWith('-') ? paint.bad(change) : paint.good(change))),
  ]);
  const total = equal + differences.filter(({ target }) => target !== undefined).length;
  return [
    ...lines,
    `${equal} of ${pluralize(total, 'target')} in ${source} ${equal === 1 && total === 1 ? 'is' : 'are'} equal to the definitions`,
  ];
}
