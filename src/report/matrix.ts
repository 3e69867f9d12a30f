import type { Axes, TaskId } from '../model/task.ts';
import { axisTable } from './axes.ts';
import { alignColumns, clip } from './format.ts';
import type { Paint } from './reporter.ts';

/** The state of a task in the matrix. `current`: up to date. `stopped`: blocked or canceled. */
export type CellState = 'waiting' | 'running' | 'done' | 'current' | 'skipped' | 'stopped' | 'failed';

/** The space that there is to draw on. */
export interface Screen {
  /** The maximum number of lines. */
  readonly rows: number;
  readonly columns: number;
  /** The current frame of the spinner. */
  readonly spinner: string;
}

/** The tasks of a run: their states, and the axes of those whose definition has a matrix. */
export interface MatrixTasks {
  readonly states: ReadonlyMap<TaskId, CellState>;
  readonly axes: ReadonlyMap<TaskId, Axes>;
}

interface Cell {
  readonly version: string;
  readonly axes?: Axes;
  readonly state: CellState;
}

/** An image and its versions. */
type Image = readonly [name: string, cells: readonly Cell[]];

/**
 * Formats tables of images and versions with a state in each cell. Images with several axes have a table each, with a row for each
 * combination of all axes but one. Columns that exceed the width continue in a table below. If that exceeds the height, each version
 * is a single character without a heading, and images with running tasks come first.
 */
export function matrixLines({ states, axes }: MatrixTasks, screen: Screen, paint: Paint): string[] {
  const images = new Map<string, Cell[]>();
  for (const [id, state] of states) {
    const colon = id.indexOf(':');
    const [name, version] = [id.slice(0, colon), id.slice(colon + 1)];
    const own = axes.get(id);
    const cells = images.get(name) ?? [];
    images.set(name, cells);
    cells.push({ version, state, ...(own === undefined ? {} : { axes: own }) });
  }
  const symbolOf = makeSymbols(screen.spinner, paint);
  const tables = tablesOf([...images]).flatMap((table) => formatTable(table, screen, symbolOf, paint));
  return tables.length <= screen.rows ? tables : formatCompact([...images], screen, symbolOf, paint);
}

type SymbolOf = (state: CellState | undefined) => string;

function makeSymbols(spinner: string, paint: Paint): SymbolOf {
  const symbols: Record<CellState, string> = {
    waiting: paint.dim('◌'),
    running: paint.warn(spinner),
    done: paint.good('✔'),
    current: paint.dim('·'),
    skipped: paint.dim('-'),
    stopped: paint.warn('■'),
    failed: paint.bad('✖'),
  };
  return (state) => (state === undefined ? ' ' : symbols[state]);
}

/** A table: a heading per column, and rows with a state for some of them. */
interface Table {
  readonly corner: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly [label: string, states: readonly (CellState | undefined)[]])[];
}

/** Returns a table for all images with one axis, whose columns are versions, and then one for each other image. */
function tablesOf(images: readonly Image[]): Table[] {
  const tables: Table[] = [];
  const plain: Image[] = [];
  for (const image of images) {
    const [name, cells] = image;
    const table = axisTable(cells);
    if (table === undefined) {
      plain.push(image);
      continue;
    }
    const labels = alignColumns(table.rows.map((row) => [...row.labels, '']));
    const rows = table.rows.map((row, index) => {
      const states = row.cells.map((cell) => cell?.state);
      return [`  ${labels[index]}`, states] as const;
    });
    tables.push({ corner: name, columns: table.columns, rows });
  }
  if (plain.length === 0) return tables;
  const columns = [...new Set(plain.flatMap(([, cells]) => cells.map(({ version }) => version)))];
  const rows = plain.map(([name, cells]) => {
    const states = new Map(cells.map(({ version, state }) => [version, state]));
    return [name, columns.map((version) => states.get(version))] as const;
  });
  return [{ corner: '', columns, rows }, ...tables];
}

function formatTable(
  { corner, columns, rows }: Table,
  screen: Screen,
  symbolOf: SymbolOf,
  paint: Paint,
): string[] {
  const widest = Math.max(corner.length, ...rows.map(([label]) => label.length));
  const labelWidth = Math.min(widest, Math.floor(screen.columns / 2));
  const label = (text: string): string => clip(text, labelWidth).padEnd(labelWidth);
  return splitToWidth(columns, screen.columns - labelWidth).flatMap(([from, to]) => {
    const shown = columns.slice(from, to);
    const heading = shown.map((column) => `  ${column}`).join('');
    const lines = rows
      .filter(([, states]) => states.slice(from, to).some((state) => state !== undefined))
      .map(([name, states]) => {
        const cells = shown.map(
          (column, index) => `  ${symbolOf(states[from + index])}${' '.repeat(column.length - 1)}`,
        );
        return `${label(name)}${cells.join('')}`.trimEnd();
      });
    return [`${label(corner)}${paint.dim(heading)}`, ...lines];
  });
}

/** Splits columns into ranges that fit a width, with two spaces before each column. */
function splitToWidth(columns: readonly string[], width: number): [from: number, to: number][] {
  const ranges: [number, number][] = [];
  let room = 0;
  for (const [index, { length }] of columns.entries()) {
    const range = ranges.at(-1);
    if (range === undefined || length + 2 > room) {
      ranges.push([index, index + 1]);
      room = width;
    } else range[1] = index + 1;
    room -= length + 2;
  }
  return ranges;
}

/** Returns the priority with which a line is shown when there is no space for all. */
function priority(states: readonly CellState[]): number {
  if (states.includes('running')) return 3;
  if (states.includes('failed')) return 2;
  return states.includes('waiting') ? 1 : 0;
}

/** Formats each image as a line with one character per version, and drops the least important lines to fit the height. */
function formatCompact(images: readonly Image[], screen: Screen, symbolOf: SymbolOf, paint: Paint): string[] {
  const widest = Math.max(0, ...images.map(([name]) => name.length));
  const nameWidth = Math.min(widest, Math.floor(screen.columns / 2));
  const width = Math.max(1, screen.columns - nameWidth - 2);
  const lines = images.flatMap(([name, cells]) => {
    const states = cells.map(({ state }) => state);
    return Array.from({ length: Math.ceil(states.length / width) }, (_, part) => {
      const slice = states.slice(part * width, (part + 1) * width);
      const text = `${clip(name, nameWidth).padEnd(nameWidth)}  ${slice.map(symbolOf).join('')}`;
      return { states: slice, text };
    });
  });
  if (lines.length <= screen.rows) return lines.map(({ text }) => text);
  const kept = new Set(
    [...lines].sort((a, b) => priority(b.states) - priority(a.states)).slice(0, Math.max(0, screen.rows - 1)),
  );
  const more = paint.dim(`${lines.length - kept.size} more lines`);
  return [...lines.filter((line) => kept.has(line)).map(({ text }) => text), more].slice(0, screen.rows);
}
