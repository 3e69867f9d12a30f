import { type CardShape, shapeCard } from './card-shape.ts';
import { type Card, makeCards } from './cards.ts';
import type { ChipStyle } from './chips.ts';
import { layOut } from './layout/layout.ts';
import type { Layout, Line, Link, Rect } from './layout/types.ts';
import type { Picture } from './picture.ts';
import { countStates, STATE_STYLES, type State } from './state.ts';
import { FONT_SIZES, textWidth } from './text-size.ts';

export interface DrawnCard {
  readonly card: Card;
  readonly shape: CardShape;
  readonly place: Rect;
}

/** A line from a card to a card that it needs or runs after. */
export interface DrawnLink {
  readonly from: string;
  readonly to: string;
  readonly kind: 'needs' | 'after';
  readonly line: Line;
}

export interface LegendEntry {
  /** A state or a kind of line. */
  readonly subject: State | DrawnLink['kind'];
  readonly text: string;
  readonly x: number;
  readonly y: number;
}

/** A picture with the position of each part, in pixels. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly cards: readonly DrawnCard[];
  readonly links: readonly DrawnLink[];
  readonly legend: readonly LegendEntry[];
}

export interface DrawingOptions {
  /** True to draw a card per task. */
  readonly full: boolean;
  /** The maximum number of versions on a card. */
  readonly maxChips: number;
  readonly legend: boolean;
  /** How cards show their versions. Default: `line`. */
  readonly style?: ChipStyle;
  /** The width of the window divided by its height, for a drawing that fills it. By default the drawing fits a README. */
  readonly aspect?: number;
}

/** The width of a README on GitHub. Wider pictures are scaled down there. */
const pageWidth = 830;
const [margin, gap] = [16, 22];
const [legendHeight, legendGap, legendWidth] = [20, 16, 400];

/** Lays out a picture. Small graphs fit the width of a README; larger ones grow in both directions. */
export function makeDrawing(
  picture: Picture,
  { full, maxChips, legend, style = 'line', aspect }: DrawingOptions,
): Drawing {
  const cards = makeCards(picture, full);
  const shapes = cards.map((card) => shapeCard(card, { maxChips, style }));
  const links = linksOf(cards);
  const layout = aspect === undefined ? layOutForPage(shapes, links) : layOutForWindow(shapes, links, aspect);
  const innerWidth = Math.max(layout.width, legend ? legendWidth : 0);
  const entries = legend ? layOutLegend(picture, links, innerWidth) : [];
  const totalLegendHeight = entries.length === 0 ? 0 : entries.at(-1)!.y + legendHeight + gap / 2;
  const move = ([x, y]: readonly [number, number]) => [x + margin, y + margin] as const;
  return {
    width: Math.ceil(innerWidth + 2 * margin),
    height: Math.ceil(layout.height + totalLegendHeight + 2 * margin),
    cards: cards.map((card, index) => {
      const place = layout.places[index]!;
      return { card, shape: shapes[index]!, place: { ...place, x: place.x + margin, y: place.y + margin } };
    }),
    links: links.map(({ from, to, kind }, index) => ({
      from: cards[from]!.id,
      to: cards[to]!.id,
      kind,
      line: layout.lines[index]!.map(move),
    })),
    legend: entries.map((entry) => ({
      ...entry,
      x: entry.x + margin,
      y: entry.y + layout.height + margin + gap,
    })),
  };
}

/**
 * Returns a layout that fits a README if possible. Rows that drift sideways can exceed the width; then shorter rows are tried. Larger
 * graphs grow in both directions.
 */
function layOutForPage(shapes: readonly CardShape[], links: readonly Link[]): Layout {
  const width = Math.max(pageWidth - 2 * margin, balancedWidth(shapes, 1.6));
  const factors = shapes.length > maxCardsToRetry ? [1] : [1, 0.85, 0.7, 0.55];
  let best: Layout | undefined;
  for (const factor of factors) {
    const layout = layOut(shapes, links, { width: width * factor, gap });
    if (best === undefined || layout.width < best.width) best = layout;
    if (best.width <= width) break;
  }
  return best!;
}

/**
 * Returns the layout that is largest in a window of this aspect when it is scaled to fit. Rows drift sideways, so the aspect of a
 * layout is only known afterwards: the width is corrected by it: once for many cards, never for very many.
 */
function layOutForWindow(shapes: readonly CardShape[], links: readonly Link[], aspect: number): Layout {
  const scaleOf = (layout: Layout): number => Math.min(aspect / layout.width, 1 / layout.height);
  let width = balancedWidth(shapes, aspect);
  let best: Layout | undefined;
  const count = shapes.length > 1000 ? 1 : shapes.length > maxCardsToRetry ? 2 : 5;
  for (let tries = count; tries > 0; tries--) {
    const layout = layOut(shapes, links, { width: Math.max(300, width), gap });
    if (best === undefined || scaleOf(layout) > scaleOf(best)) best = layout;
    const correction = (aspect * layout.height) / layout.width;
    if (correction > 0.9 && correction < 1.1) break;
    width *= Math.sqrt(correction);
  }
  return best!;
}

/** Returns the width of an area of this aspect that has space for all cards. */
function balancedWidth(shapes: readonly CardShape[], aspect: number): number {
  const area = shapes.reduce((sum, { width, height }) => sum + (width + gap) * (height + 60), 0);
  return Math.sqrt(area * aspect);
}

/** Up to this many cards, a layout takes only milliseconds. */
const maxCardsToRetry = 100;

function linksOf(cards: readonly Card[]): (Link & { kind: DrawnLink['kind'] })[] {
  const index = new Map(cards.map(({ id }, at) => [id, at]));
  return cards.flatMap(({ id, needs, after }) => [
    ...needs.map((to) => ({ from: index.get(id)!, to: index.get(to)!, kind: 'needs' as const })),
    ...after.map((to) => ({ from: index.get(id)!, to: index.get(to)!, kind: 'after' as const })),
  ]);
}

function layOutLegend(
  { tasks }: Picture,
  links: readonly { kind: DrawnLink['kind'] }[],
  width: number,
): LegendEntry[] {
  const states = countStates(tasks.map(({ state }) => state));
  const kinds = new Set(links.map(({ kind }) => kind));
  const rows: [LegendEntry['subject'], string][] = [
    ...states.map(([state, count]): [State, string] => [state, `${count} ${STATE_STYLES[state].label}`]),
    ...(kinds.has('needs') ? [['needs', 'needs'] as [LegendEntry['subject'], string]] : []),
    ...(kinds.has('after') ? [['after', 'runs after'] as [LegendEntry['subject'], string]] : []),
  ];
  let [x, y] = [0, 0];
  return rows.map(([subject, text]) => {
    const entryWidth = legendGap + textWidth(text, FONT_SIZES.legend) + legendGap;
    if (x > 0 && x + entryWidth > width) [x, y] = [0, y + legendHeight];
    const entry = { subject, text, x, y };
    x += entryWidth;
    return entry;
  });
}
