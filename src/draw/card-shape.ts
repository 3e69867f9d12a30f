import { clip } from '../report/units.ts';
import type { Card } from './cards.ts';
import type { PictureTask } from './picture.ts';
import { STATES } from './state.ts';

/** Sizes of text in pixels; what one character takes, of the size, in the widest of the usual monospace fonts. */
export const FONT_SIZES = { title: 13, small: 10, chip: 11, legend: 11 } as const;
const advance = 0.615;

/** A version on a card: a mark of its state and its text. Places are from the card's left upper corner. */
export interface Chip {
  /** Undefined for the last one, that tells how many more there are. */
  readonly task?: PictureTask;
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface CardShape {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** What it is, where it is no published image. */
  readonly kind: string;
  readonly chips: readonly Chip[];
}

const padding = 8;
const chipHeight = 19;
const chipGap = 4;
/** Where a chip's text begins: behind the mark. */
export const CHIP_TEXT_X = 18;
const longestTitle = 34;
const longestVersion = 20;
/** How wide a card gets for few versions, and for many. */
const [oneLine, fullWidth] = [236, 320];
const titleHeight = 16;

export function textWidth(text: string, size: number): number {
  return Math.ceil(text.length * size * advance);
}

/** What a card looks like. Of more tasks than `most` those are shown that a person looks for first. */
export function shapeCard({ id, kind, tasks }: Card, most: number): CardShape {
  const isSingle = tasks.length === 1 && tasks[0]!.id === id;
  const title = clip(isSingle ? tasks[0]!.name : id, longestTitle);
  const kindText = kind === 'image' ? '' : kind;
  const shown = foremost(tasks, most);
  const left = tasks.length - shown.length;
  const texts = [
    ...shown.map((task) => ({ task, text: clip(task.version, longestVersion) })),
    ...(left > 0 ? [{ text: `${left} more` }] : []),
  ];
  const titleWidth =
    textWidth(title, FONT_SIZES.title) + (kindText === '' ? 0 : 8 + textWidth(kindText, FONT_SIZES.small));
  const chips = flow(texts, Math.max(titleWidth, roomFor(texts)));
  const width = Math.max(titleWidth, ...chips.map((chip) => chip.x + chip.width - padding)) + 2 * padding;
  const height = Math.max(...chips.map((chip) => chip.y + chip.height)) + padding;
  return { width, height, title, kind: kindText, chips };
}

/** In the order of the versions; dropped are those of the states that matter least. */
function foremost(tasks: readonly PictureTask[], most: number): readonly PictureTask[] {
  if (tasks.length <= most) return tasks;
  const kept = new Set(
    [...tasks].sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state)).slice(0, most - 1),
  );
  return tasks.filter((task) => kept.has(task));
}

function chipWidth(text: string): number {
  return CHIP_TEXT_X + textWidth(text, FONT_SIZES.chip) + 6;
}

/** All in one line where they fit, about three times as wide as high where there are many. */
function roomFor(texts: readonly { text: string }[]): number {
  const widths = texts.map(({ text }) => chipWidth(text) + chipGap);
  const total = widths.reduce((sum, width) => sum + width, 0);
  const even = Math.sqrt(total * (chipHeight + chipGap) * 3);
  return Math.min(total - chipGap, Math.max(oneLine, Math.min(fullWidth, even), ...widths));
}

/** Left to right, line by line; many of them as a table, each as wide as the widest. */
function flow(texts: readonly { task?: PictureTask; text: string }[], room: number): Chip[] {
  const widths = texts.map(({ text }) => chipWidth(text)).sort((a, b) => a - b);
  const widest = widths.at(-1)!;
  const isTable = texts.length > 6 && widest < 1.5 * widths[Math.floor(widths.length / 2)]!;
  const chips: Chip[] = [];
  let [x, y] = [0, padding + titleHeight + 3];
  for (const { task, text } of texts) {
    const width = isTable ? widest : chipWidth(text);
    if (x > 0 && x + width > room) [x, y] = [0, y + chipHeight + chipGap];
    chips.push({ ...(task ? { task } : {}), text, x: x + padding, y, width, height: chipHeight });
    x += width + chipGap;
  }
  return chips;
}
