import { axisTable, type Versioned, versionPattern } from './axes.ts';
import { alignColumns, pluralize } from './format.ts';
import type { Paint } from './reporter.ts';

/** A definition in the output of `tasks list`. */
export interface ListedDefinition {
  readonly name: string;
  readonly kind: string;
  readonly description: string;
  readonly versions: readonly Versioned[];
}

/** The indentation of what does not fit into a definition's first line. */
const indent = 4;

/**
 * Formats definitions with their versions and descriptions, one line each. A definition that exceeds the width of the terminal
 * takes several lines: its versions as a table of their axes, or wrapped. `columns`: undefined if the output is not a terminal.
 */
export function listLines(
  definitions: readonly ListedDefinition[],
  columns: number | undefined,
  paint: Paint,
): string[] {
  const versionsOf = ({ versions }: ListedDefinition): string =>
    versions.map(({ version }) => version).join(' ');
  if (columns === undefined)
    return alignColumns(
      definitions.map((each) => [each.name, each.kind, versionsOf(each), each.description]),
    );
  const nameWidth = Math.max(0, ...definitions.map(({ name }) => name.length));
  const kindWidth = Math.max(0, ...definitions.map(({ kind }) => kind.length));
  const start = nameWidth + kindWidth + 4;
  const short = oneLiners(definitions, columns - start, versionsOf);
  const versionWidth = Math.max(0, ...[...short].map((each) => versionsOf(each).length));
  return definitions.flatMap((each) => {
    const head = `${each.name.padEnd(nameWidth)}  ${paint.dim(each.kind.padEnd(kindWidth))}  `;
    const versions = versionsOf(each);
    if (!short.has(each)) return longLines(each, { head, start, columns, versions }, paint);
    const end = each.description === '' ? versions : `${versions.padEnd(versionWidth)}  ${each.description}`;
    return [`${head}${end}`];
  });
}

/** Returns the definitions that fit into one line each, with their descriptions in one column. */
function oneLiners(
  definitions: readonly ListedDefinition[],
  room: number,
  versionsOf: (definition: ListedDefinition) => string,
): Set<ListedDefinition> {
  const kept = [...definitions].sort((a, b) => versionsOf(a).length - versionsOf(b).length);
  const fit = (): boolean => {
    const width = Math.max(0, ...kept.map((each) => versionsOf(each).length));
    return kept.every(({ description }) => width + (description === '' ? 0 : description.length + 2) <= room);
  };
  while (kept.length > 0 && !fit()) {
    const tooLong = kept.findIndex((each) => versionsOf(each).length + each.description.length + 2 > room);
    kept.splice(tooLong < 0 ? kept.length - 1 : tooLong, 1);
  }
  return new Set(kept);
}

/** Formats a definition that does not fit into one line. */
function longLines(
  { versions, description }: ListedDefinition,
  line: { head: string; start: number; columns: number; versions: string },
  paint: Paint,
): string[] {
  const { head, start, columns } = line;
  const about = wrap(description.split(' '), columns - indent).map((each) => paint.dim(each));
  const indented = (lines: readonly string[]): string[] => lines.map((each) => ' '.repeat(indent) + each);
  const table = tableLines(versions, columns - indent, paint);
  if (table !== undefined) {
    const pattern = versionPattern(versions);
    const count = `${pluralize(versions.length, 'version')}${pattern === undefined ? '' : `: ${pattern}`}`;
    const isRoomy = start + count.length <= columns;
    const first = isRoomy ? [`${head}${count}`] : [head.trimEnd(), ...indented([count])];
    return [...first, ...indented([...about, ...table])];
  }
  if (start + line.versions.length <= columns) return [`${head}${line.versions}`, ...indented(about)];
  const isNarrow = columns - start < 30;
  const margin = isNarrow ? indent : start;
  const wrapped = wrap(line.versions.split(' '), columns - margin).map((each) => ' '.repeat(margin) + each);
  const first = isNarrow
    ? [head.trimEnd(), ...wrapped]
    : [head + wrapped[0]!.trimStart(), ...wrapped.slice(1)];
  return [...first, ...indented(about)];
}

/**
 * Formats versions as a table: a row for each combination of all axes but one, and in it the values of that one. If versions are not
 * made from their values, the rows contain the versions instead.
 */
function tableLines(versions: readonly Versioned[], width: number, paint: Paint): string[] | undefined {
  const table = axisTable(versions);
  if (table === undefined) return undefined;
  const { rowAxes, columnAxis, columns, rows } = table;
  const isMade = versionPattern(versions) !== undefined;
  const textOf = (column: number, cell: Versioned): string => (isMade ? columns[column]! : cell.version);
  const widths = columns.map((_, column) =>
    Math.max(...rows.map(({ cells }) => (cells[column] ? textOf(column, cells[column]).length : 0))),
  );
  const labels = alignColumns([[...rowAxes, ''], ...rows.map((row) => [...row.labels, ''])]);
  const labelWidth = Math.max(...labels.map((label) => label.length)) + 2;
  const lines = rows.flatMap(({ cells }, index) => {
    const texts = cells.map((cell, column) =>
      (cell === undefined ? '' : textOf(column, cell)).padEnd(widths[column]!),
    );
    return wrap(texts, width - labelWidth).map(
      (part, at) => `${(at === 0 ? labels[index + 1]! : '').padEnd(labelWidth)}${part}`,
    );
  });
  return [paint.dim(`${labels[0]!.padEnd(labelWidth)}${columnAxis}`), ...lines];
}

/** Joins words by spaces into lines of at most `width` characters; longer words have a line each. */
function wrap(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => line.trimEnd()).filter((line) => line !== '');
}
