import { CHIP_TEXT_X, CHIP_TEXT_Y } from './chips.ts';
import type { Drawing, DrawnCard, DrawnLink, LegendEntry } from './drawing.ts';
import { escapeXml } from './escape.ts';
import type { Line } from './layout/types.ts';
import type { PictureTask } from './picture.ts';
import { STATE_STYLES, type State } from './state.ts';
import { drawingCss } from './theme.ts';

/** Renders a drawing as an SVG file for light and dark themes. */
export function svgFile(drawing: Drawing, title: string): string {
  const { width, height } = drawing;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="tasks-graph" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(title)}">`,
    `<title>${escapeXml(title)}</title>`,
    `<style>${drawingCss()}</style>`,
    `<rect class="background" width="${width}" height="${height}" rx="8"/>`,
    ...svgContent(drawing),
    '</svg>',
    '',
  ].join('\n');
}

/** Renders the elements of a drawing, back to front: lines, cards, legend. */
export function svgContent(drawing: Drawing): string[] {
  return [
    ...renderLinks(drawing.links),
    ...drawing.cards.map(renderCard),
    ...drawing.legend.map(renderLegendEntry),
  ];
}

/** Renders a path per target. Lines to one card share segments, and each segment is drawn once. */
function renderLinks(links: readonly DrawnLink[]): string[] {
  const groups = new Map<string, { to: string; kind: string; segments: Set<string>; end: Line[number] }>();
  for (const { to, kind, line } of links) {
    const group = groups.get(`${kind} ${to}`) ?? { to, kind, segments: new Set(), end: line.at(-1)! };
    groups.set(`${kind} ${to}`, group);
    for (let at = 1; at < line.length; at++) group.segments.add(segment(line[at - 1]!, line[at]!));
  }
  return [...groups.values()].flatMap(({ to, kind, segments, end }) => [
    `<path class="link ${kind}" data-to="${escapeXml(to)}" d="${[...segments].join('')}"/>`,
    arrowhead(end),
  ]);
}

/** Renders an arrowhead that points down to a position. */
export function arrowhead([x, y]: Line[number]): string {
  return `<path class="head" d="M${n(x)} ${n(y)}l-4-7h8z"/>`;
}

/** Returns the path data of a line. */
export function linePath(line: Line): string {
  return line
    .slice(1)
    .map((corner, index) => segment(line[index]!, corner))
    .join('');
}

/** Returns the path data between two corners: a vertical line, or a curve that starts and ends vertically. */
function segment([x1, y1]: Line[number], [x2, y2]: Line[number]): string {
  const start = `M${n(x1)} ${n(y1)}`;
  if (Math.abs(x1 - x2) < 0.5) return y1 === y2 ? '' : `${start}V${n(y2)}`;
  const middle = n((y1 + y2) / 2);
  return `${start}C${n(x1)} ${middle} ${n(x2)} ${middle} ${n(x2)} ${n(y2)}`;
}

function renderCard({ card: { id, kind, tasks }, shape, place }: DrawnCard): string {
  const chips = shape.chips.map((chip) => {
    const box = `<rect x="${n(chip.x)}" y="${n(chip.y)}" width="${n(chip.width)}" height="${chip.height}" rx="4"/>`;
    const line = (text: string, y: number): string =>
      `<text x="${n(chip.x + CHIP_TEXT_X)}" y="${n(chip.y + y)}">${escapeXml(text)}</text>`;
    const texts = line(chip.text, CHIP_TEXT_Y) + (chip.detail === undefined ? '' : line(chip.detail, 28.5));
    if (chip.task === undefined) return `<g class="chip more">${texts}</g>`;
    const { state } = chip.task;
    return `<g class="chip s-${state}" data-id="${escapeXml(chip.task.id)}"><title>${escapeXml(tooltip(chip.task))}</title>${box}${renderIcon(state, chip.x + 10, chip.y + 9.5)}${texts}</g>`;
  });
  const small = (text: string, x: number, y: number, anchor = ''): string =>
    `<text class="small" x="${n(x)}" y="${n(y)}"${anchor}>${escapeXml(text)}</text>`;
  return [
    `<g class="card ${kind}" data-card="${escapeXml(id)}" transform="translate(${n(place.x)} ${n(place.y)})">`,
    `<title>${escapeXml(tasks.length === 1 ? tasks[0]!.id : `${id}, ${tasks.length} versions`)}</title>`,
    `<rect width="${n(shape.width)}" height="${n(shape.height)}" rx="6"/>`,
    `<text class="title" x="8" y="20">${escapeXml(shape.title)}</text>`,
    shape.note === '' ? '' : small(shape.note, shape.width - 8, 20, ' text-anchor="end"'),
    ...shape.labels.map(({ text, x, y }) => small(text, x, y)),
    ...chips,
    '</g>',
  ].join('');
}

function renderIcon(state: State, x: number, y: number): string {
  const { shape, isLine } = STATE_STYLES[state];
  return `<path class="${isLine ? 'stroke' : 'fill'}" transform="translate(${n(x)} ${n(y)})" d="${shape}"/>`;
}

/** Formats `postgres:17: to do. Dockerfile line 14 changed`. */
function tooltip({ id, state, reasons }: PictureTask): string {
  const reason = reasons.map(({ detail }) => detail).join('; ');
  return `${id}: ${STATE_STYLES[state].label}${reason === '' ? '' : `. ${reason}`}`;
}

function renderLegendEntry({ subject, text, x, y }: LegendEntry): string {
  const label = `<text x="${n(x + 16)}" y="${n(y + 10)}">${escapeXml(text)}</text>`;
  if (subject !== 'needs' && subject !== 'after')
    return `<g class="legend s-${subject}">${renderIcon(subject, x + 6, y + 6)}${label}</g>`;
  const arrow = `<path class="link ${subject}" d="M${n(x + 6)} ${n(y)}v8"/>${arrowhead([x + 6, y + 13])}`;
  return `<g class="legend">${arrow}${label}</g>`;
}

/** Formats a number with at most one decimal place. */
function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}
