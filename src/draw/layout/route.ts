import type { Box, Item, Layout, Link, Rect } from './types.ts';

/** The space between two lines that start at the bottom of a box. */
const portGap = 12;
/** The space between two rows; it grows with the horizontal distance that lines cover in it. */
const [minRowGap, maxRowGap] = [34, 90];

/** Sets the vertical positions of rows and routes the lines, which cross rows vertically and bend only between them. */
export function routeLinks(
  boxes: readonly Box[],
  rows: readonly Item[][],
  paths: readonly Item[][],
  links: readonly Link[],
): Layout {
  const portOf = makePorts(boxes, paths);
  const tops: number[] = [];
  const bottoms: number[] = [];
  let y = 0;
  rows.forEach((row, index) => {
    tops[index] = y;
    bottoms[index] = y + Math.max(0, ...row.map(({ box }) => (box === undefined ? 0 : boxes[box]!.height)));
    const distances = row.flatMap((item) => item.down.map((below) => Math.abs(below.x - item.x)));
    y = bottoms[index]! + Math.min(maxRowGap, minRowGap + Math.max(0, ...distances) / 12);
  });
  const rowOf = new Map(rows.flatMap((row, index) => row.map((item) => [item, index] as const)));
  const places: Rect[] = [];
  for (const item of rowOf.keys()) {
    if (item.box === undefined) continue;
    const box = boxes[item.box]!;
    places[item.box] = { ...box, x: item.x - box.width / 2, y: tops[rowOf.get(item)!]! };
  }
  const lines = paths.map((path, link) => {
    const from = path[0]!;
    const x = portOf(from, path[1]!);
    const start = places[links[link]!.from]!;
    const corners: [number, number][] = [
      [x, start.y + start.height],
      [x, bottoms[rowOf.get(from)!]!],
    ];
    for (const item of path.slice(1)) {
      const row = rowOf.get(item)!;
      corners.push([item.x, tops[row]!]);
      if (item.box === undefined) corners.push([item.x, bottoms[row]!]);
    }
    return corners;
  });
  const width = Math.max(...rows.flat().map((item) => item.x + item.width / 2));
  return { width, height: bottoms.at(-1)!, places, lines };
}

/** Returns where on the bottom of a box the line to another item starts. Lines are ordered by the position of their target. */
function makePorts(boxes: readonly Box[], paths: readonly Item[][]): (from: Item, to: Item) => number {
  const targets = new Map<Item, Set<Item>>();
  for (const [from, to] of paths as [Item, Item][])
    targets.set(from, (targets.get(from) ?? new Set()).add(to));
  const ports = new Map<Item, Map<Item, number>>();
  for (const [from, others] of targets) {
    const sorted = [...others].sort((a, b) => a.x - b.x);
    const gap = Math.min(portGap, (boxes[from.box!]!.width - 2 * portGap) / sorted.length);
    ports.set(
      from,
      new Map(sorted.map((to, index) => [to, from.x + (index - (sorted.length - 1) / 2) * gap])),
    );
  }
  return (from, to) => ports.get(from)!.get(to)!;
}
