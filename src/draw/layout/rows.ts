import type { Box, Link } from './types.ts';

/**
 * Returns the row of each box, counted from the top. A box is above all boxes that it links to, and as near to them as its number
 * of links requires. Rows wider than `width` are split. Links must not form cycles.
 */
export function assignRows(
  boxes: readonly Box[],
  links: readonly Link[],
  width: number,
  gap: number,
): number[] {
  const down = boxes.map((): number[] => []);
  const up = boxes.map((): number[] => []);
  for (const { from, to } of links) {
    down[from]!.push(to);
    up[to]!.push(from);
  }
  const order = topologicalOrder(down, up);
  const height = boxes.map(() => 0);
  for (const box of order) height[box] = 1 + Math.max(-1, ...down[box]!.map((below) => height[below]!));
  // A box with more links from above than to below moves up, which shortens its links in total.
  for (const box of order.toReversed()) {
    if (up[box]!.length > down[box]!.length)
      height[box] = Math.min(...up[box]!.map((above) => height[above]!)) - 1;
  }
  return splitRows(boxes, height, order, width, gap);
}

/** Returns the boxes in an order in which those that others link to come first. */
function topologicalOrder(down: readonly number[][], up: readonly number[][]): number[] {
  const remaining = down.map((list) => list.length);
  const order = remaining.flatMap((count, box) => (count === 0 ? [box] : []));
  for (const box of order) for (const above of up[box]!) if (--remaining[above]! === 0) order.push(above);
  return order;
}

/** Turns heights into rows, and splits rows that are wider than `width` into rows of about equal width. */
function splitRows(
  boxes: readonly Box[],
  height: readonly number[],
  order: readonly number[],
  width: number,
  gap: number,
): number[] {
  const levels = new Map<number, number[]>();
  for (const box of order) {
    const level = levels.get(height[box]!);
    if (level === undefined) levels.set(height[box]!, [box]);
    else level.push(box);
  }
  const rows = boxes.map(() => 0);
  let row = -1;
  for (const [, level] of [...levels].sort(([a], [b]) => b - a)) {
    const total = level.reduce((sum, box) => sum + boxes[box]!.width + gap, 0);
    const rowWidth = total / Math.ceil(total / width);
    let used = Number.POSITIVE_INFINITY;
    for (const box of level.sort((a, b) => a - b)) {
      const boxWidth = boxes[box]!.width + gap;
      if (used + boxWidth / 2 > rowWidth) [row, used] = [row + 1, 0];
      rows[box] = row;
      used += boxWidth;
    }
  }
  return rows;
}
