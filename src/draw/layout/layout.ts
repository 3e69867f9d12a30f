import { orderRows } from './order.ts';
import { packParts } from './pack.ts';
import { placeItems } from './place.ts';
import { routeLinks } from './route.ts';
import { assignRows } from './rows.ts';
import type { Box, Item, Layout, LayoutOptions, Line, Link, Rect } from './types.ts';

/**
 * Boxes in rows, each above all that it links to, so that nothing overlaps and no line crosses a box. Links that lead to
 * one box join on their way. Boxes that nothing links together are laid out each for itself, and fill one another's gaps.
 */
export function layOut(boxes: readonly Box[], links: readonly Link[], options: LayoutOptions): Layout {
  const parts = connected(boxes.length, links).map((part) => {
    const index = new Map(part.map((box, at) => [box, at]));
    const own = links
      .map((link, at) => ({ link, at }))
      .filter(({ link }) => index.has(link.from))
      .map(({ link, at }) => ({
        at,
        link: { ...link, from: index.get(link.from)!, to: index.get(link.to)! },
      }));
    const inner = layOutConnected(
      part.map((box) => boxes[box]!),
      own.map(({ link }) => link),
      options,
    );
    return { part, own, inner };
  });
  const corners = packParts(
    parts.map(({ inner }) => inner),
    options,
  );
  const places: Rect[] = [];
  const lines: Line[] = [];
  parts.forEach(({ part, own, inner }, index) => {
    const { x, y } = corners[index]!;
    part.forEach((box, at) => {
      const place = inner.places[at]!;
      places[box] = { ...place, x: place.x + x, y: place.y + y };
    });
    own.forEach(({ at }, each) => {
      lines[at] = inner.lines[each]!.map(([px, py]) => [px + x, py + y] as const);
    });
  });
  return {
    width: Math.max(0, ...parts.map(({ inner }, index) => corners[index]!.x + inner.width)),
    height: Math.max(0, ...parts.map(({ inner }, index) => corners[index]!.y + inner.height)),
    places,
    lines,
  };
}

function layOutConnected(boxes: readonly Box[], links: readonly Link[], options: LayoutOptions): Layout {
  const rowOf = assignRows(boxes, links, options.width, options.gap);
  const rows: Item[][] = Array.from({ length: Math.max(...rowOf) + 1 }, () => []);
  const add = (row: number, item: Omit<Item, 'up' | 'down' | 'position' | 'x'>): Item => {
    const made: Item = { ...item, up: [], down: [], position: 0, x: 0 };
    rows[row]!.push(made);
    return made;
  };
  const items = boxes.map(({ width }, box) => add(rowOf[box]!, { box, width }));
  const join = (above: Item, below: Item): void => {
    if (above.down.includes(below)) return;
    above.down.push(below);
    below.up.push(above);
  };
  // One way for all links of a kind to one box: an item in each row between.
  const ways = new Map<string, Item[]>();
  const paths = links.map(({ from, to, kind }) => {
    const way = ways.get(`${to} ${kind}`) ?? [];
    ways.set(`${to} ${kind}`, way);
    const path = [items[from]!];
    for (let row = rowOf[from]! + 1; row < rowOf[to]!; row++) {
      way[row] ??= add(row, { width: lineRoom });
      path.push(way[row]!);
    }
    path.push(items[to]!);
    for (let at = 1; at < path.length; at++) join(path[at - 1]!, path[at]!);
    return path;
  });
  orderRows(rows);
  placeItems(rows, options.gap);
  return routeLinks(boxes, rows, paths, links);
}

/** What a line takes of a row that it passes through. */
const lineRoom = 2;

/** The boxes that links hold together, directly or not. */
function connected(count: number, links: readonly Link[]): number[][] {
  const leader = Array.from({ length: count }, (_, box) => box);
  const find = (box: number): number => {
    let top = box;
    while (leader[top] !== top) top = leader[top]!;
    leader[box] = top;
    return top;
  };
  for (const { from, to } of links) leader[find(from)] = find(to);
  const parts = new Map<number, number[]>();
  for (let box = 0; box < count; box++) {
    const top = find(box);
    const part = parts.get(top);
    if (part === undefined) parts.set(top, [box]);
    else part.push(box);
  }
  return [...parts.values()];
}
