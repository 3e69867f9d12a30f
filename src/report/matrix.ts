import type { TaskId } from '../model/task.ts';
import { clip } from './format.ts';
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

/** An image and the state of each of its versions. */
type Row = readonly [name: string, cells: ReadonlyMap<string, CellState>];

/**
 * Formats a table of images and versions with a state in each cell. Versions that exceed the width continue in a table below.
 * If that exceeds the height, each version is a single character without a heading, and images with running tasks come first.
 */
export function matrixLines(states: ReadonlyMap<TaskId, CellState>, screen: Screen, paint: Paint): string[] {
  const images = new Map<string, Map<string, CellState>>();
  for (const [id, state] of states) {
    const colon = id.indexOf(':');
    const [name, version] = [id.slice(0, colon), id.slice(colon + 1)];
    const cells = images.get(name) ?? new Map<string, CellState>();
    images.set(name, cells.set(version, state));
  }
  const rows = [...images];
  const widest = Math.max(0, ...rows.map(([name]) => name.length));
  const nameWidth = Math.min(widest, Math.floor(screen.columns / 2));
  const symbolOf = makeSymbols(screen.spinner, paint);
  const tables = formatTables(rows, nameWidth, screen, symbolOf, paint);
  return tables.length <= screen.rows ? tables : formatCompact(rows, nameWidth, screen, symbolOf, paint);
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

/** Formats tables with the versions as headings. */
function formatTables(
  rows: readonly Row[],
  nameWidth: number,
  screen: Screen,
  symbolOf: SymbolOf,
  paint: Paint,
): string[] {
  const versions = [...new Set(rows.flatMap(([, cells]) => [...cells.keys()]))];
  return splitToWidth(versions, screen.columns - nameWidth).flatMap((block) => {
    const heading = block.map((version) => `  ${version}`).join('');
    const lines = rows
      .filter(([, cells]) => block.some((version) => cells.has(version)))
      .map(([name, cells]) => {
        const shown = block.map(
          (version) => `  ${symbolOf(cells.get(version))}${' '.repeat(version.length - 1)}`,
        );
        return `${clip(name, nameWidth).padEnd(nameWidth)}${shown.join('')}`.trimEnd();
      });
    return [paint.dim(`${' '.repeat(nameWidth)}${heading}`), ...lines];
  });
}

/** Splits a list into parts that fit a width, with two spaces before each version. */
function splitToWidth(versions: readonly string[], width: number): string[][] {
  const blocks: string[][] = [];
  let room = 0;
  for (const version of versions) {
    if (blocks.length === 0 || version.length + 2 > room) {
      blocks.push([]);
      room = width;
    }
    blocks.at(-1)!.push(version);
    room -= version.length + 2;
  }
  return blocks;
}

/** Returns the priority with which a line is shown when there is no space for all. */
function priority(states: readonly CellState[]): number {
  if (states.includes('running')) return 3;
  if (states.includes('failed')) return 2;
  return states.includes('waiting') ? 1 : 0;
}

/** Formats each image as a line with one character per version, and drops the least important lines to fit the height. */
function formatCompact(
  rows: readonly Row[],
  nameWidth: number,
  screen: Screen,
  symbolOf: SymbolOf,
  paint: Paint,
): string[] {
  const width = Math.max(1, screen.columns - nameWidth - 2);
  const lines = rows.flatMap(([name, cells]) => {
    const states = [...cells.values()];
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
