import { axisTable, shortNames } from '../report/axes.ts';
import { clip, formatDuration } from '../report/units.ts';
import type { PictureTask } from './picture.ts';
import { FONT_SIZES, textWidth } from './text-size.ts';

/** A version on a card: the icon of its state and its text. Positions are relative to the upper left corner of the card. */
export interface Chip {
  /** Undefined for the last chip of a card that does not show all versions. */
  readonly task?: PictureTask;
  readonly text: string;
  /** A second line. */
  readonly detail?: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A text beside the chips: an axis, or a value of one. `y` is the baseline, `width` that of the column. */
export interface Label {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** `line`: a line per version. `card`: a small card per version, with its duration. */
export type ChipStyle = 'line' | 'card';

interface Placed {
  readonly chips: readonly Chip[];
  readonly labels: readonly Label[];
}

const chipHeights = { line: 19, card: 35 } as const;
const chipGap = 4;
/** The offset of a chip's text, which leaves space for the icon, and that of its baseline. */
export const [CHIP_TEXT_X, CHIP_TEXT_Y] = [18, 13.5] as const;
const longestVersion = 20;
/** The maximum width of a card's content with few versions, with many, and with a table. */
const [narrowWidth, fullWidth, tableWidth] = [236, 320, 480];

/** Places the chips of a card from the position (0, 0): as a table if several axes vary, else line by line. */
export function placeChips(tasks: readonly PictureTask[], minWidth: number, style: ChipStyle): Placed {
  return tableChips(tasks, style) ?? flowChips(tasks, undefined, minWidth, style);
}

/**
 * Places chips left to right, line by line. Many chips of similar width form a table. `more`: the text of a last chip without a task.
 */
export function flowChips(
  tasks: readonly PictureTask[],
  more: string | undefined,
  minWidth: number,
  style: ChipStyle,
): Placed {
  const names = shortNames(tasks);
  const height = chipHeights[style];
  const all = [
    ...tasks.map((task) => ({ task, ...chipText(task, clip(names.get(task)!, longestVersion), style) })),
    ...(more === undefined ? [] : [{ text: more }]),
  ].map((chip) => ({ ...chip, width: chipWidth(chip) }));
  const maxWidth = Math.max(minWidth, flowWidth(all, height));
  const widths = all.map(({ width }) => width).sort((a, b) => a - b);
  const widest = widths.at(-1)!;
  const isTable = all.length > 6 && widest < 1.5 * widths[Math.floor(widths.length / 2)]!;
  const chips: Chip[] = [];
  let [x, y] = [0, 0];
  for (const chip of all) {
    const width = isTable ? widest : chip.width;
    if (x > 0 && x + width > maxWidth) [x, y] = [0, y + height + chipGap];
    chips.push({ ...chip, x, y, width, height });
    x += width + chipGap;
  }
  return { chips, labels: [] };
}

/** Returns the width for chips: that of one line if they fit, or about three times the height if there are many. */
function flowWidth(chips: readonly { width: number }[], height: number): number {
  const total = chips.reduce((sum, { width }) => sum + width + chipGap, 0);
  const balanced = Math.sqrt(total * (height + chipGap) * 3);
  const scale = height / chipHeights.line;
  return Math.min(
    total - chipGap,
    Math.max(
      narrowWidth * scale,
      Math.min(fullWidth * scale, balanced),
      ...chips.map(({ width }) => width + chipGap),
    ),
  );
}

/** Places chips in rows and columns by their axes, with labels for the rows. Undefined if fewer than two axes vary. */
function tableChips(tasks: readonly PictureTask[], style: ChipStyle): Placed | undefined {
  const widthOf = (values: readonly string[]): number => {
    const chips = values.map((value) => ({ text: clip(value, longestVersion) }));
    return Math.max(style === 'card' ? cardChipWidth : 0, ...chips.map(chipWidth));
  };
  const limit = (tableWidth * chipHeights[style]) / chipHeights.line;
  const table = axisTable(tasks, (values) => (widthOf(values) + chipGap) * values.length <= limit);
  if (table === undefined) return undefined;
  const { rowAxes, columnAxis, columns, rows } = table;
  const height = chipHeights[style];
  const labelX = [0];
  for (const [index, axis] of rowAxes.entries()) {
    const texts = [axis, ...rows.map((row) => row.labels[index]!)].map((text) => clip(text, longestVersion));
    labelX.push(labelX.at(-1)! + Math.max(...texts.map((text) => textWidth(text, FONT_SIZES.small))) + 8);
  }
  const left = labelX.at(-1)!;
  const widthOfLabels = (index: number): number => labelX[index + 1]! - labelX[index]!;
  const width = widthOf(columns);
  const top = 17;
  const labels: Label[] = [...rowAxes, columnAxis].map((axis, index) => ({
    text: clip(axis, longestVersion),
    x: labelX[index]!,
    y: 11,
    width: index < rowAxes.length ? widthOfLabels(index) : columns.length * (width + chipGap),
  }));
  const chips: Chip[] = [];
  let before: readonly string[] = [];
  rows.forEach((row, line) => {
    const y = top + line * (height + chipGap);
    row.labels.forEach((text, index) => {
      // A label that is as in the row above is left out.
      if (row.labels.slice(0, index + 1).every((each, at) => each === before[at])) return;
      const label = clip(text, longestVersion);
      labels.push({ text: label, x: labelX[index]!, y: y + CHIP_TEXT_Y, width: widthOfLabels(index) });
    });
    before = row.labels;
    row.cells.forEach((task, column) => {
      if (task === undefined) return;
      const text = chipText(task, clip(columns[column]!, longestVersion), style);
      chips.push({ task, ...text, x: left + column * (width + chipGap), y, width, height });
    });
  });
  return { chips, labels };
}

function chipText(
  { expectedMs }: PictureTask,
  text: string,
  style: ChipStyle,
): Pick<Chip, 'text' | 'detail'> {
  if (style === 'line') return { text };
  return { text, detail: expectedMs === undefined ? 'not timed' : formatDuration(expectedMs) };
}

const cardChipWidth = 100;

function chipWidth({ text, detail }: Pick<Chip, 'text' | 'detail'>): number {
  const width = CHIP_TEXT_X + textWidth(text, FONT_SIZES.chip) + 6;
  return detail === undefined ? width : Math.max(width, cardChipWidth);
}
