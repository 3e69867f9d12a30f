import { stripVTControlCharacters } from 'node:util';

/** Milliseconds for people: `0.4 s`, `41 s`, `1 m 32 s`, `2 h 5 m`. */
export function duration(ms: number): string {
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} m`;
}

/** Milliseconds as a clock: `0:41`, `12:05`, `1:02:03`. */
export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const rest = `${Math.floor(seconds / 60) % 60}:${String(seconds % 60).padStart(2, '0')}`;
  return seconds < 3600 ? rest : `${Math.floor(seconds / 3600)}:${rest.padStart(5, '0')}`;
}

/** Bytes for people, in units of 1000 as docker counts: `412 MB`. */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `1 task`, `3 tasks`. */
export function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

/** Cut to a width, with `…` where something was cut. */
export function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** The same for a text with colours, which take no room and are never cut off. */
export function clipPainted(text: string, width: number): string {
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
export function columns(rows: readonly (readonly string[])[]): string[] {
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
export function cleaned(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
}
