import { stripVTControlCharacters } from 'node:util';

export { clip, formatBytes, formatClock, formatDuration, pluralize } from './units.ts';

/** A text with colours cut to a width: they take no room and are never cut off. */
export function clipColored(text: string, width: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what colours are made of
  const parts = text.match(/\x1b\[[\d;]*m|[\s\S]/gu) ?? [];
  const isColour = (part: string): boolean => part.length > 1 && part.startsWith('\x1b');
  const length = parts.filter((part) => !isColour(part)).length;
  if (length <= width) return text;
  let room = width - 1;
  const kept = parts.filter((part) => isColour(part) || room-- > 0);
  const end = kept.findLastIndex((part) => !isColour(part)) + 1;
  return [...kept.slice(0, end), '…', ...kept.slice(end)].join('');
}

/** Rows with their columns aligned, two spaces between; the last column is not padded. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.slice(0, -1).entries())
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, index) => (index < row.length - 1 ? cell.padEnd(widths[index]!) : cell))
      .join('  ')
      .trimEnd(),
  );
}

/** A line of a program's output as one that takes the room that its length says: without colours and control characters. */
export function stripControls(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
}
