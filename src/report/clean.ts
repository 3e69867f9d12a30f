import { alignColumns, formatBytes, pluralize } from './format.ts';
import type { Paint } from './reporter.ts';

/** Items of one kind that are removed. */
export interface CleanedGroup {
  readonly what: string;
  /** Paths or tags. */
  readonly names: readonly string[];
  readonly bytes: number;
}

/**
 * Formats what is removed per kind, and how much space that frees. `isDone`: not a dry run. `verbose`: list the name of each
 * item.
 */
export function cleanText(
  groups: readonly CleanedGroup[],
  paint: Paint,
  { isDone, verbose }: { isDone: boolean; verbose: boolean },
): string[] {
  const shown = groups.filter(({ names }) => names.length > 0);
  if (shown.length === 0) return ['nothing to remove'];
  const rows = alignColumns(
    shown.map(({ what, names, bytes }) => [`  ${what}`, String(names.length), formatBytes(bytes)]),
  );
  const lines = rows.flatMap((row, index) => [
    row,
    ...(verbose ? shown[index]!.names.map((name) => paint.dim(`      ${name}`)) : []),
  ]);
  const items = shown.reduce((sum, { names }) => sum + names.length, 0);
  const bytes = shown.reduce((sum, group) => sum + group.bytes, 0);
  return [
    ...lines,
    '',
    `${isDone ? 'freed' : 'would free'} about ${formatBytes(bytes)} (${pluralize(items, 'item')})`,
  ];
}
