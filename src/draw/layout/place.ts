import type { Item } from './types.ts';

const sweeps = 40;
/** How much more weight the straightness of long lines has than the distance of a box to its linked items. */
const straightness = 6;

/**
 * Sets the center `x` of each item as near as possible to its linked items, in the order of the row and at least `gap` apart.
 * Rows are solved one after the other, each exactly (isotonic least squares with the pool adjacent violators algorithm).
 */
export function placeItems(rows: readonly Item[][], gap: number): void {
  for (const row of rows) placeEvenly(row, gap);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const isDown = sweep % 2 === 0;
    const sides: Sides = sweep < sweeps / 2 ? [isDown ? 'up' : 'down'] : ['up', 'down'];
    for (const row of isDown ? rows : rows.toReversed()) placeRow(row, gap, sides);
  }
  const left = Math.min(...rows.flat().map(({ x, width }) => x - width / 2));
  for (const item of rows.flat()) item.x -= left;
}

type Sides = readonly ('up' | 'down')[];

/** Returns the minimum space between two neighbors. Lines may be closer to each other than to boxes. */
function gapBetween(a: Item, b: Item, gap: number): number {
  return a.box === undefined && b.box === undefined ? gap / 2 : gap;
}

function placeEvenly(row: readonly Item[], gap: number): void {
  const total = row.reduce((sum, { width }) => sum + width + gap, 0);
  let at = -total / 2;
  for (const item of row) {
    item.x = at + item.width / 2;
    at += item.width + gap;
  }
}

/** Adjacent items that are placed together, because each alone would overlap its neighbor. `target`: where they should be. */
interface Pool {
  target: number;
  weight: number;
  items: number;
}

function placeRow(row: readonly Item[], gap: number, sides: Sides): void {
  const pools: Pool[] = [];
  const offsets: number[] = [];
  let offset = 0;
  row.forEach((item, index) => {
    if (index > 0)
      offset += (row[index - 1]!.width + item.width) / 2 + gapBetween(row[index - 1]!, item, gap);
    offsets.push(offset);
    const { x, weight } = targetOf(item, sides);
    let pool: Pool = { target: x - offset, weight, items: 1 };
    for (let last = pools.at(-1); last !== undefined && last.target >= pool.target; last = pools.at(-1)) {
      pools.pop();
      const sum = last.weight + pool.weight;
      const target = (last.target * last.weight + pool.target * pool.weight) / sum;
      pool = { target, weight: sum, items: last.items + pool.items };
    }
    pools.push(pool);
  });
  let index = 0;
  for (const { target, items } of pools)
    for (let each = 0; each < items; each++, index++) row[index]!.x = target + offsets[index]!;
}

/** Returns the weighted mean position of the items that an item is linked with, or its current position if there are none. */
function targetOf(item: Item, sides: Sides): { x: number; weight: number } {
  let [sum, weight] = [0, 0];
  for (const side of sides)
    for (const other of item[side]) {
      const linkWeight = item.box === undefined && other.box === undefined ? straightness : 1;
      sum += other.x * linkWeight;
      weight += linkWeight;
    }
  return weight === 0 ? { x: item.x, weight: 0.1 } : { x: sum / weight, weight };
}
