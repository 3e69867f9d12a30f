import type { TaskId } from '../model/task.ts';
import { clip } from './format.ts';
import type { Paint } from './reporter.ts';

/** How a task stands, as one character can tell. */
export type CellState = 'waiting' | 'running' | 'made' | 'here' | 'skipped' | 'lost' | 'failed';

export interface MatrixScreen {
  /** As many lines as there may be. */
  readonly rows: number;
  readonly columns: number;
  readonly spinner: string;
}

/** One image: the state of each of its versions. */
type Row = readonly [name: string, cells: ReadonlyMap<string, CellState>];

/**
 * Images by versions with a state in each cell. Versions that do not fit beside one another go on below; where that is
 * too high for the screen, each version is a single character without a heading, and what moves comes first.
 */
export function matrixLines(
  states: ReadonlyMap<TaskId, CellState>,
  screen: MatrixScreen,
  paint: Paint,
): string[] {
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
  const mark = marks(screen.spinner, paint);
  const tables = withHeadings(rows, nameWidth, screen, mark, paint);
  return tables.length <= screen.rows ? tables : compact(rows, nameWidth, screen, mark, paint);
}

type Mark = (state: CellState | undefined) => string;

function marks(spinner: string, paint: Paint): Mark {
  const all: Record<CellState, string> = {
    waiting: paint.dim('◌'),
    running: paint.warn(spinner),
    made: paint.good('✔'),
    here: paint.dim('·'),
    skipped: paint.dim('-'),
    lost: paint.warn('■'),
    failed: paint.bad('✖'),
  };
  return (state) => (state === undefined ? ' ' : all[state]);
}

function withHeadings(
  rows: readonly Row[],
  nameWidth: number,
  screen: MatrixScreen,
  mark: Mark,
  paint: Paint,
): string[] {
  const versions = [...new Set(rows.flatMap(([, cells]) => [...cells.keys()]))];
  return blocksOf(versions, screen.columns - nameWidth).flatMap((block) => {
    const heading = block.map((version) => `  ${version}`).join('');
    const lines = rows
      .filter(([, cells]) => block.some((version) => cells.has(version)))
      .map(([name, cells]) => {
        const shown = block.map(
          (version) => `  ${mark(cells.get(version))}${' '.repeat(version.length - 1)}`,
        );
        return `${clip(name, nameWidth).padEnd(nameWidth)}${shown.join('')}`.trimEnd();
      });
    return [paint.dim(`${' '.repeat(nameWidth)}${heading}`), ...lines];
  });
}

/** Parts of the list that fit into a width, two spaces before each version. */
function blocksOf(versions: readonly string[], width: number): string[][] {
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

/** What a person looks for first has the highest number. */
function urgency(states: readonly CellState[]): number {
  if (states.includes('running')) return 3;
  if (states.includes('failed')) return 2;
  return states.includes('waiting') ? 1 : 0;
}

function compact(
  rows: readonly Row[],
  nameWidth: number,
  screen: MatrixScreen,
  mark: Mark,
  paint: Paint,
): string[] {
  const width = Math.max(1, screen.columns - nameWidth - 2);
  const lines = rows.flatMap(([name, cells]) => {
    const states = [...cells.values()];
    return Array.from({ length: Math.ceil(states.length / width) }, (_, part) => {
      const own = states.slice(part * width, (part + 1) * width);
      return { states: own, text: `${clip(name, nameWidth).padEnd(nameWidth)}  ${own.map(mark).join('')}` };
    });
  });
  if (lines.length <= screen.rows) return lines.map(({ text }) => text);
  const kept = new Set(
    [...lines].sort((a, b) => urgency(b.states) - urgency(a.states)).slice(0, Math.max(0, screen.rows - 1)),
  );
  const more = paint.dim(`${lines.length - kept.size} more lines`);
  return [...lines.filter((line) => kept.has(line)).map(({ text }) => text), more].slice(0, screen.rows);
}
