import type { Item } from './types.ts';

const sweeps = 24;

/**
 * Orders the items of each row so that few links cross: by the mean position of the items that they are linked with in the row
 * above, then in the row below, repeatedly. The best order is kept.
 */
export function orderRows(rows: Item[][]): void {
  renumber(rows);
  let best = rows.map((row) => [...row]);
  let fewest = crossings(rows);
  for (let sweep = 0; sweep < sweeps && fewest > 0; sweep++) {
    const isDown = sweep % 2 === 0;
    for (const row of isDown ? rows : rows.toReversed()) sortRow(row, isDown ? 'up' : 'down', sweep % 4 < 2);
    const now = crossings(rows);
    if (now >= fewest) continue;
    fewest = now;
    best = rows.map((row) => [...row]);
  }
  best.forEach((row, index) => {
    rows[index] = row;
  });
  renumber(rows);
}

function sortRow(row: Item[], side: 'up' | 'down', keepsTies: boolean): void {
  const mean = new Map(row.map((item) => [item, meanPosition(item, side)]));
  row.sort(
    (a, b) => mean.get(a)! - mean.get(b)! || (keepsTies ? a.position - b.position : b.position - a.position),
  );
  row.forEach((item, position) => {
    item.position = position;
  });
}

/** Returns the mean position of the items that an item is linked with on one side, or its own if there are none. */
function meanPosition(item: Item, side: 'up' | 'down'): number {
  const linked = item[side];
  if (linked.length === 0) return item.position;
  return linked.reduce((sum, { position }) => sum + position, 0) / linked.length;
}

function renumber(rows: readonly Item[][]): void {
  for (const row of rows)
    row.forEach((item, position) => {
      item.position = position;
    });
}

/** Counts the pairs of links between adjacent rows that cross, with a binary indexed tree. */
function crossings(rows: readonly Item[][]): number {
  let count = 0;
  for (const row of rows) {
    const ends = row.flatMap((item) => item.down.map(({ position }) => position).sort((a, b) => a - b));
    const size = Math.max(0, ...ends) + 1;
    const tree = new Array<number>(size + 1).fill(0);
    let seen = 0;
    for (const end of ends) {
      let upTo = 0;
      for (let at = end + 1; at > 0; at -= at & -at) upTo += tree[at]!;
      count += seen - upTo;
      seen++;
      for (let at = end + 1; at <= size; at += at & -at) tree[at]!++;
    }
  }
  return count;
}
