import type { Box, Link } from './types.ts';

/**
 * The row of each box, from the top: whatever it links to stands below it, as near as the number of its links asks for.
 * Rows that would be wider than `width` go on in further ones. Links must not lead back.
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
  const order = needsFirst(down, up);
  const height = boxes.map(() => 0);
  for (const box of order) height[box] = 1 + Math.max(-1, ...down[box]!.map((below) => height[below]!));
  // A box that more lead to than it leads to moves up to them: its short links get longer, its long ones shorter.
  for (const box of order.toReversed()) {
    if (up[box]!.length > down[box]!.length)
      height[box] = Math.min(...up[box]!.map((above) => height[above]!)) - 1;
  }
  return split(boxes, height, order, width, gap);
}

function needsFirst(down: readonly number[][], up: readonly number[][]): number[] {
  const open = down.map((list) => list.length);
  const order = open.flatMap((count, box) => (count === 0 ? [box] : []));
  for (const box of order) for (const above of up[box]!) if (--open[above]! === 0) order.push(above);
  return order;
}

function split(
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
    const share = total / Math.ceil(total / width);
    let used = Number.POSITIVE_INFINITY;
    for (const box of level.sort((a, b) => a - b)) {
      const own = boxes[box]!.width + gap;
      if (used + own / 2 > share) [row, used] = [row + 1, 0];
      rows[box] = row;
      used += own;
    }
  }
  return rows;
}
