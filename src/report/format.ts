import { stripVTControlCharacters } from 'node:util';

export { clip, formatBytes, formatClock, formatDuration, pluralize } from './units.ts';

/** Cuts colored text to a width in characters. Color sequences have no width and are all kept. */
export function clipColored(text: string, width: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: color sequences begin with one
  const parts = text.match(/\x1b\[[\d;]*m|[\s\S]/gu) ?? [];
  const isColor = (part: string): boolean => part.length > 1 && part.startsWith('\x1b');
  const length = parts.filter((part) => !isColor(part)).length;
  if (length <= width) return text;
  let room = width - 1;
  const kept = parts.filter((part) => isColor(part) || room-- > 0);
  const end = kept.findLastIndex((part) => !isColor(part)) + 1;
  return [...kept.slice(0, end), '…', ...kept.slice(end)].join('');
}

/** Formats rows as lines with aligned columns, two spaces apart. The last column is not padded. */
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

/** Removes colors and control characters from a line of output, so that its length is its width on a terminal. */
export function stripControls(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
}
