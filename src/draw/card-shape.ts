import { clip } from '../report/units.ts';
import type { Card } from './cards.ts';
import type { PictureTask } from './picture.ts';
import { STATES } from './state.ts';

/** Text sizes in pixels. */
export const FONT_SIZES = { title: 13, small: 10, chip: 11, legend: 11 } as const;
/** The width of a character as a fraction of the text size, in the widest of the common monospace fonts. */
const advance = 0.615;

/** A version on a card: the icon of its state and its text. Positions are relative to the upper left corner of the card. */
export interface Chip {
  /** Undefined for the last chip of a card that does not show all versions. */
  readonly task?: PictureTask;
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The size and content of a card, in pixels. */
export interface CardShape {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** The kind of the task; empty for a published image. */
  readonly kind: string;
  readonly chips: readonly Chip[];
}

const padding = 8;
const chipHeight = 19;
const chipGap = 4;
/** The offset of a chip's text, which leaves space for the icon. */
export const CHIP_TEXT_X = 18;
const longestTitle = 34;
const longestVersion = 20;
/** The maximum width of a card's content with few versions, and with many. */
const [narrowWidth, fullWidth] = [236, 320];
const titleHeight = 16;

/** Returns an upper bound of a text's width in pixels. */
export function textWidth(text: string, size: number): number {
  return Math.ceil(text.length * size * advance);
}

/** Lays out a card. Of more than `maxChips` tasks, it shows those with the most important states. */
export function shapeCard({ id, kind, tasks }: Card, maxChips: number): CardShape {
  const isSingle = tasks.length === 1 && tasks[0]!.id === id;
  const title = clip(isSingle ? tasks[0]!.name : id, longestTitle);
  const kindText = kind === 'image' ? '' : kind;
  const shown = mostImportant(tasks, maxChips);
  const hiddenCount = tasks.length - shown.length;
  const texts = [
    ...shown.map((task) => ({ task, text: clip(task.version, longestVersion) })),
    ...(hiddenCount > 0 ? [{ text: `${hiddenCount} more` }] : []),
  ];
  const titleWidth =
    textWidth(title, FONT_SIZES.title) + (kindText === '' ? 0 : 8 + textWidth(kindText, FONT_SIZES.small));
  const chips = flowChips(texts, Math.max(titleWidth, chipAreaWidth(texts)));
  const width = Math.max(titleWidth, ...chips.map((chip) => chip.x + chip.width - padding)) + 2 * padding;
  const height = Math.max(...chips.map((chip) => chip.y + chip.height)) + padding;
  return { width, height, title, kind: kindText, chips };
}

/** Drops the tasks with the least important states and keeps the order of the others. */
function mostImportant(tasks: readonly PictureTask[], maxChips: number): readonly PictureTask[] {
  if (tasks.length <= maxChips) return tasks;
  const kept = new Set(
    [...tasks].sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state)).slice(0, maxChips - 1),
  );
  return tasks.filter((task) => kept.has(task));
}

function chipWidth(text: string): number {
  return CHIP_TEXT_X + textWidth(text, FONT_SIZES.chip) + 6;
}

/** Returns the width for the chips: that of one line if they fit, or about three times the height if there are many. */
function chipAreaWidth(texts: readonly { text: string }[]): number {
  const widths = texts.map(({ text }) => chipWidth(text) + chipGap);
  const total = widths.reduce((sum, width) => sum + width, 0);
  const balanced = Math.sqrt(total * (chipHeight + chipGap) * 3);
  return Math.min(total - chipGap, Math.max(narrowWidth, Math.min(fullWidth, balanced), ...widths));
}

/** Places chips left to right, line by line. Many chips of similar width form a table. */
function flowChips(texts: readonly { task?: PictureTask; text: string }[], maxWidth: number): Chip[] {
  const widths = texts.map(({ text }) => chipWidth(text)).sort((a, b) => a - b);
  const widest = widths.at(-1)!;
  const isTable = texts.length > 6 && widest < 1.5 * widths[Math.floor(widths.length / 2)]!;
  const chips: Chip[] = [];
  let [x, y] = [0, padding + titleHeight + 3];
  for (const { task, text } of texts) {
    const width = isTable ? widest : chipWidth(text);
    if (x > 0 && x + width > maxWidth) [x, y] = [0, y + chipHeight + chipGap];
    chips.push({ ...(task ? { task } : {}), text, x: x + padding, y, width, height: chipHeight });
    x += width + chipGap;
  }
  return chips;
}
