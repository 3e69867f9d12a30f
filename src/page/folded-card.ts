import { CHIP_TEXT_Y } from '../draw/chips.ts';
import type { DrawnCard } from '../draw/drawing.ts';
import { escapeXml } from '../draw/escape.ts';
import { countStates, STATE_STYLES, type State } from '../draw/state.ts';
import { CHARACTER_WIDTH, FONT_SIZES } from '../draw/text-size.ts';
import type { TaskId } from '../model/task.ts';
import type { Emphasis } from './page-model.ts';

/** No text on the screen is smaller; pixels. */
export const minTextSize = 9;

/** From this scale on, all text of a drawing can be read. Below it, cards are folded. */
export const openScale = minTextSize / Math.min(...Object.values(FONT_SIZES));

/** What a folded card shows of its tasks. */
export interface FoldContext {
  /** Pixels on the screen per unit of the drawing. */
  readonly scale: number;
  stateOf(id: TaskId): State;
  emphasisOf(id: TaskId): Emphasis;
}

/**
 * Returns scales at which folded cards are rendered: at most the given one, and in steps, so that not every movement renders them
 * again.
 */
export function foldScale(scale: number): number {
  return 2 ** (Math.floor(Math.log2(scale) * 8) / 8);
}

/** Text sizes of titles, in pixels on the screen: the first that shows the whole title, if possible in one line. */
const titleSizes = [12, 10.5, minTextSize];
/** A block that is smaller on the screen selects no task, because it is hard to hit; pixels. */
const minTarget = 10;
/** The space for the versions below a title, and the least height of one version; pixels on the screen. */
const [minVersions, minBlock] = [3, 2];
const padding = 2;
/** The height of a line as a multiple of the text size. */
const lineHeight = 1.15;

/**
 * Renders a card that is too small for its text, as SVG: its title at a readable size and a colored block for each version, or
 * only blocks.
 */
export function foldedCard({ card, shape, place }: DrawnCard, context: FoldContext): string {
  const { scale, stateOf, emphasisOf } = context;
  const unit = 1 / scale;
  const ids = card.tasks.map(({ id }) => id);
  const counts = countStates(ids.map(stateOf));
  const isSingle = ids.length === 1;
  const lines = titleLines(
    shape.title,
    place.width * scale - 2 * padding,
    place.height * scale - 2 * padding - (isSingle ? 0 : minVersions),
  );
  const titleHeight = lines.length === 0 ? 0 : (padding + lines.length * lines[0]!.size * lineHeight) * unit;
  const emphases = new Set(ids.map(emphasisOf));
  const look = isSingle ? `tint s-${counts[0]![0]}` : '';
  const box = `<rect class="box ${lines.length === 0 && isSingle ? look.replace('tint', 'block') : look}" width="${n(place.width)}" height="${n(place.height)}" rx="${n(Math.min(6, 4 * unit))}"/>`;
  const title = lines.map(
    ({ text, size }, index) =>
      `<text class="name ${isSingle ? `s-${counts[0]![0]}` : ''}" x="${n(padding * unit)}" y="${n((padding + (index + 0.85) * size * lineHeight) * unit)}" ${fontSize(size * unit)}>${escapeXml(text)}</text>`,
  );
  const blocks = isSingle ? [] : versionBlocks({ card, shape, place }, titleHeight, counts, context);
  const label = isSingle
    ? `${ids[0]}, ${STATE_STYLES[counts[0]![0]].label}`
    : `${card.id}, ${ids.length} versions: ${counts.map(([state, count]) => `${count} ${STATE_STYLES[state].label}`).join(', ')}`;
  const target = isSingle ? ` data-task="${escapeXml(ids[0]!)}"` : '';
  const classes = [
    'fold',
    emphases.size === 1 && emphases.has('dim') ? 'dimmed' : '',
    emphases.has('selected') ? 'selected' : '',
    [...emphases].some((each) => !['dim', 'plain', 'selected'].includes(each)) ? 'emphasis' : '',
  ];
  return `<g class="${classes.join(' ').trim()}" data-card="${escapeXml(card.id)}"${target} role="button" tabindex="-1" aria-label="${escapeXml(label)}" transform="translate(${n(place.x)} ${n(place.y)})"><title>${escapeXml(label)}</title>${box}${blocks.join('')}${title.join('')}</g>`;
}

/** Renders a block per version where the version is on the open card, or a part per state if that is too small. */
function versionBlocks(
  { shape, place }: DrawnCard,
  top: number,
  counts: readonly (readonly [State, number])[],
  { scale, stateOf, emphasisOf }: FoldContext,
): string[] {
  const unit = 1 / scale;
  const chips = shape.chips.filter(({ task }) => task !== undefined);
  const first = Math.min(...chips.map(({ y }) => y));
  const last = Math.max(...chips.map(({ y, height }) => y + height));
  const from = Math.max(top, padding * unit);
  const ratio = (place.height - from - padding * unit) / (last - first);
  if (chips[0]!.height * ratio * scale < minBlock || chips.length < shape.chips.length) {
    const total = counts.reduce((sum, [, count]) => sum + count, 0);
    const room = place.width - 2 * padding * unit;
    let x = padding * unit;
    return counts.map(([state, count]) => {
      const width = (room * count) / total;
      x += width;
      return block({ x: x - width, y: from, width, height: place.height - from - padding * unit }, state);
    });
  }
  const fits = (text: string, width: number): boolean =>
    text.length * minTextSize * CHARACTER_WIDTH <= width * scale;
  const hasTexts =
    chips[0]!.height * ratio * scale >= minTextSize * 1.2 &&
    chips.every(({ text, width }) => fits(text, width - 4 * unit)) &&
    shape.labels.every(({ text, width }) => fits(text, width));
  const textAt = (text: string, x: number, y: number, look: string): string =>
    `<text class="${look}" x="${n(x)}" y="${n(y)}" ${fontSize(minTextSize * unit)}>${escapeXml(text)}</text>`;
  const blocks = chips.map(({ task, text, x, y, width, height }) => {
    const id = task!.id;
    const area = { x, y: from + (y - first) * ratio, width, height: height * ratio };
    const isTarget = area.height * scale >= minTarget && width * scale >= minTarget;
    const state = stateOf(id);
    const attributes = `${isTarget ? ` data-task="${escapeXml(id)}"` : ''} data-emphasis="${emphasisOf(id)}"`;
    if (!hasTexts) return block(area, state, 'block', attributes);
    const baseline = area.y + area.height / 2 + minTextSize * 0.35 * unit;
    return block(area, state, 'tint', attributes) + textAt(text, x + 2 * unit, baseline, `s-${state}`);
  });
  // The axes, above the first row, have no space.
  const labels = hasTexts ? shape.labels.filter(({ y }) => y >= first) : [];
  return [
    ...blocks,
    ...labels.map(({ text, x, y }) => {
      const row = from + (y - CHIP_TEXT_Y - first) * ratio;
      return textAt(text, x, row + (chips[0]!.height * ratio) / 2 + minTextSize * 0.35 * unit, 'muted');
    }),
  ];
}

function block(
  { x, y, width, height }: { x: number; y: number; width: number; height: number },
  state: State,
  look: 'block' | 'tint' = 'block',
  attributes = '',
): string {
  return `<rect class="${look} s-${state}" x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}"${attributes}/>`;
}

/**
 * Splits a title into lines that fit a size on the screen, given in pixels. A title that does not fit at the smallest text size is
 * cut in the middle; if not even four characters fit, there are no lines.
 */
function titleLines(title: string, width: number, height: number): { text: string; size: number }[] {
  const inOneLine = titleSizes.find(
    (size) => title.length * size * CHARACTER_WIDTH <= width && size * lineHeight <= height,
  );
  if (inOneLine !== undefined) return [{ text: title, size: inOneLine }];
  for (const size of titleSizes) {
    const isLast = size === titleSizes.at(-1);
    const length = Math.floor(width / (size * CHARACTER_WIDTH));
    const count = Math.floor(height / (size * lineHeight));
    if (length < Math.min(4, title.length) || count < 1) continue;
    const lines = breakTitle(title, length);
    if (lines.length > count && !isLast) continue;
    const shown =
      lines.length > count
        ? [...lines.slice(0, count - 1), cutMiddle(lines.slice(count - 1).join(''), length)]
        : lines;
    return shown.map((text) => ({ text, size }));
  }
  return [];
}

/** Cuts a text to a length in characters. Its end stays, because names of a group often differ there. */
function cutMiddle(text: string, length: number): string {
  const start = Math.ceil((length - 1) / 2);
  return `${text.slice(0, start)}…${text.slice(text.length - (length - 1 - start))}`;
}

/** Breaks a title into lines, after punctuation if that uses at least half of the line. */
function breakTitle(title: string, length: number): string[] {
  const lines: string[] = [];
  let rest = title;
  while (rest.length > length) {
    const end = Math.max(...['-', '_', '.', '/', ':'].map((mark) => rest.lastIndexOf(mark, length - 1))) + 1;
    const cut = end * 2 >= length ? end : length;
    lines.push(rest.slice(0, cut));
    rest = rest.slice(cut);
  }
  return [...lines, rest];
}

/** Rounds up, so that no text gets too small. An attribute, because the policy of the page allows no styles in elements. */
function fontSize(size: number): string {
  return `font-size="${Math.ceil(size * 100) / 100}"`;
}

/** Formats a number with at most two decimal places. */
function n(value: number): string {
  return String(Math.round(value * 100) / 100);
}
