/** The longest line of generated definitions. */
const maxWidth = 100;

/**
 * Writes a list or an object on one line, or if that is too long with one entry per line. `indent`:
 * the spaces that its own line begins with; `before`: the width of what stands before it there.
 */
function bracketed(
  [open, close]: readonly [string, string],
  entries: readonly string[],
  indent: number,
  before = 0,
): string {
  if (entries.length === 0) return `${open}${close}`;
  const space = open === '[' ? '' : ' ';
  const line = `${open}${space}${entries.join(', ')}${space}${close}`;
  if (!line.includes('\n') && indent + before + line.length < maxWidth) return line;
  const pad = ' '.repeat(indent + 2);
  const isShort = open === '[' && entries.every((entry) => entry.length < 20 && !entry.includes('\n'));
  const rows = isShort ? filled(entries, maxWidth - indent - 2) : entries;
  return `${open}\n${rows.map((row) => `${pad}${row},\n`).join('')}${' '.repeat(indent)}${close}`;
}

/** Joins entries to rows of at most this width. */
function filled(entries: readonly string[], width: number): string[] {
  const rows: string[] = [];
  for (const entry of entries) {
    const last = rows.at(-1);
    if (last !== undefined && last.length + entry.length + 3 < width)
      rows[rows.length - 1] = `${last}, ${entry}`;
    else rows.push(entry);
  }
  return rows;
}

const braces = ['{', '}'] as const;
const brackets = ['[', ']'] as const;

export function object(entries: readonly string[], indent: number, before?: number): string {
  return bracketed(braces, entries, indent, before);
}

export function list(entries: readonly string[], indent: number, before?: number): string {
  return bracketed(brackets, entries, indent, before);
}
