import { orderRows } from './order.ts';
import { packParts } from './pack.ts';
import { placeItems } from './place.ts';
import { routeLinks } from './route.ts';
import { assignRows } from './rows.ts';
import type { Box, Item, Layout, LayoutOptions, Line, Link, Rect } from './types.ts';

/**
 * Places boxes in rows, each above all boxes that it links to, so that nothing overlaps and no line crosses a box. Links to the
 * same box join on their way. Unconnected parts are laid out separately and packed to fill gaps.
 */
export function layOut(boxes: readonly Box[], links: readonly Link[], options: LayoutOptions): Layout {
  const parts = connectedParts(boxes.length, links).map((part) => {
    const index = new Map(part.map((box, at) => [box, at]));
    const partLinks = links
      .map((link, at) => ({ link, at }))
      .filter(({ link }) => index.has(link.from))
      .map(({ link, at }) => ({
        at,
        link: { ...link, from: index.get(link.from)!, to: index.get(link.to)! },
      }));
    const layout = layOutConnected(
      part.map((box) => boxes[box]!),
      partLinks.map(({ link }) => link),
      options,
    );
    return { part, partLinks, layout };
  });
  const corners = packParts(
    parts.map(({ layout }) => layout),
    options,
  );
  const places: Rect[] = [];
  const lines: Line[] = [];
  parts.forEach(({ part, partLinks, layout }, index) => {
    const { x, y } = corners[index]!;
    part.forEach((box, at) => {
      const place = layout.places[at]!;
      places[box] = { ...place, x: place.x + x, y: place.y + y };
    });
    partLinks.forEach(({ at }, line) => {
      lines[at] = layout.lines[line]!.map(([px, py]) => [px + x, py + y] as const);
    });
  });
  return {
    width: Math.max(0, ...parts.map(({ layout }, index) => corners[index]!.x + layout.width)),
    height: Math.max(0, ...parts.map(({ layout }, index) => corners[index]!.y + layout.height)),
    places,
    lines,
  };
}

function layOutConnected(boxes: readonly Box[], links: readonly Link[], options: LayoutOptions): Layout {
  const rowOf = assignRows(boxes, links, options.width, options.gap);
  const rows: Item[][] = Array.from({ length: Math.max(...rowOf) + 1 }, () => []);
  const add = (row: number, item: Omit<Item, 'up' | 'down' | 'position' | 'x'>): Item => {
    const added: Item = { ...item, up: [], down: [], position: 0, x: 0 };
    rows[row]!.push(added);
    return added;
  };
  const items = boxes.map(({ width }, box) => add(rowOf[box]!, { box, width }));
  const join = (above: Item, below: Item): void => {
    if (above.down.includes(below)) return;
    above.down.push(below);
    below.up.push(above);
  };
  // All links of a kind to one box share an item in each row that they pass.
  const shared = new Map<string, Item[]>();
  const paths = links.map(({ from, to, kind }) => {
    const passed = shared.get(`${to} ${kind}`) ?? [];
    shared.set(`${to} ${kind}`, passed);
    const path = [items[from]!];
    for (let row = rowOf[from]! + 1; row < rowOf[to]!; row++) {
      passed[row] ??= add(row, { width: lineWidth });
      path.push(passed[row]!);
    }
    path.push(items[to]!);
    for (let at = 1; at < path.length; at++) join(path[at - 1]!, path[at]!);
    return path;
  });
  orderRows(rows);
  placeItems(rows, options.gap);
  return routeLinks(boxes, rows, paths, links);
}

/** The width of a line in a row that it passes. */
const lineWidth = 2;

/** Groups boxes that are connected by links, directly or indirectly, with a union-find structure. */
function connectedParts(count: number, links: readonly Link[]): number[][] {
  const parent = Array.from({ length: count }, (_, box) => box);
  const find = (box: number): number => {
    let root = box;
    while (parent[root] !== root) root = parent[root]!;
    parent[box] = root;
    return root;
  };
  for (const { from, to } of links) parent[find(from)] = find(to);
  const parts = new Map<number, number[]>();
  for (let box = 0; box < count; box++) {
    const root = find(box);
    const part = parts.get(root);
    if (part === undefined) parts.set(root, [box]);
    else part.push(box);
  }
  return [...parts.values()];
}
