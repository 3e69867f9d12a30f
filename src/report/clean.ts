import { alignColumns, formatBytes, pluralize } from './format.ts';
import type { Paint } from './reporter.ts';

/** Things of one kind that go. */
export interface CleanedGroup {
  readonly what: string;
  /** Paths or tags. */
  readonly names: readonly string[];
  readonly bytes: number;
}

/** What goes, by kind, and how much that frees. `isDone`: it is gone already. `verbose`: each by its name. */
export function cleanText(
  trimmed: readonly CleanedGroup[],
  paint: Paint,
  { isDone, verbose }: { isDone: boolean; verbose: boolean },
): string[] {
  const some = trimmed.filter(({ names }) => names.length > 0);
  if (some.length === 0) return ['nothing to trim'];
  const rows = alignColumns(
    some.map(({ what, names, bytes }) => [`  ${what}`, String(names.length), formatBytes(bytes)]),
  );
  const lines = rows.flatMap((row, index) => [
    row,
    ...(verbose ? some[index]!.names.map((name) => paint.dim(`      ${name}`)) : []),
  ]);
  const number = some.reduce((sum, { names }) => sum + names.length, 0);
  const bytes = some.reduce((sum, each) => sum + each.bytes, 0);
  return [
    ...lines,
    '',
    `${isDone ? 'freed' : 'would free'} about ${formatBytes(bytes)}, ${pluralize(number, 'thing')}`,
  ];
}
