import { clip, formatDuration } from '../report/units.ts';
import type { Card } from './cards.ts';
import { type Chip, type ChipStyle, flowChips, type Label, placeChips } from './chips.ts';
import type { PictureTask } from './picture.ts';
import { STATES } from './state.ts';
import { FONT_SIZES, textWidth } from './text-size.ts';

/** The size and content of a card, in pixels. */
export interface CardShape {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** The kind of the task (not for a published image), and durations; may be empty. */
  readonly note: string;
  readonly chips: readonly Chip[];
  /** Axes and their values. */
  readonly labels: readonly Label[];
}

const padding = 8;
const longestTitle = 34;
const titleHeight = 16;

/** How cards show versions. */
export interface CardOptions {
  /** Of more tasks, a card shows those with the most important states. */
  readonly maxChips: number;
  readonly style: ChipStyle;
}

/** Lays out a card. */
export function shapeCard({ id, kind, tasks }: Card, { maxChips, style }: CardOptions): CardShape {
  const isSingle = tasks.length === 1 && tasks[0]!.id === id;
  const title = clip(isSingle ? tasks[0]!.name : id, longestTitle);
  const note = [kind === 'image' ? '' : kind, durationRange(tasks)].filter((part) => part !== '').join(', ');
  const titleWidth =
    textWidth(title, FONT_SIZES.title) + (note === '' ? 0 : 8 + textWidth(note, FONT_SIZES.small));
  const shown = mostImportant(tasks, maxChips);
  const { chips, labels } =
    shown.length < tasks.length
      ? flowChips(shown, `${tasks.length - shown.length} more`, titleWidth, style)
      : placeChips(tasks, titleWidth, style);
  const top = padding + titleHeight + 3;
  const right = Math.max(
    ...chips.map(({ x, width }) => x + width),
    ...labels.map(({ x, text }) => x + textWidth(text, FONT_SIZES.small)),
  );
  return {
    width: Math.max(titleWidth, right) + 2 * padding,
    height: Math.max(...chips.map(({ y, height }) => y + height)) + top + padding,
    title,
    note,
    chips: chips.map((chip) => ({ ...chip, x: chip.x + padding, y: chip.y + top })),
    labels: labels.map((label) => ({ ...label, x: label.x + padding, y: label.y + top })),
  };
}

/** Formats the known durations of tasks: `41 s`, or the shortest and the longest. */
function durationRange(tasks: readonly PictureTask[]): string {
  const known = tasks.flatMap(({ expectedMs }) => (expectedMs === undefined ? [] : [expectedMs]));
  if (known.length === 0) return '';
  const [shortest, longest] = [Math.min(...known), Math.max(...known)].map(formatDuration);
  return shortest === longest ? longest! : `${shortest} – ${longest}`;
}

/** Drops the tasks with the least important states and keeps the order of the others. */
function mostImportant(tasks: readonly PictureTask[], maxChips: number): readonly PictureTask[] {
  if (tasks.length <= maxChips) return tasks;
  const kept = new Set(
    [...tasks].sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state)).slice(0, maxChips - 1),
  );
  return tasks.filter((task) => kept.has(task));
}
