import type { Item } from './types.ts';

const sweeps = 40;
/** How much more a line that passes through wants to be straight than a box wants to be near what it is linked with. */
const straightness = 6;

/**
 * Gives each item its middle `x`: as near as possible to the items that it is linked with, in the row's order and with
 * `gap` between. Each row is solved exactly (least squares with an order, by pooling), rows in turn.
 */
export function placeItems(rows: readonly Item[][], gap: number): void {
  for (const row of rows) pack(row, gap);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const isDown = sweep % 2 === 0;
    const sides: Sides = sweep < sweeps / 2 ? [isDown ? 'up' : 'down'] : ['up', 'down'];
    for (const row of isDown ? rows : rows.toReversed()) settle(row, gap, sides);
  }
  const left = Math.min(...rows.flat().map(({ x, width }) => x - width / 2));
  for (const item of rows.flat()) item.x -= left;
}

type Sides = readonly ('up' | 'down')[];

/** Between two neighbours: lines may run closer to each other than to boxes. */
function between(a: Item, b: Item, gap: number): number {
  return a.box === undefined && b.box === undefined ? gap / 2 : gap;
}

function pack(row: readonly Item[], gap: number): void {
  const total = row.reduce((sum, { width }) => sum + width + gap, 0);
  let at = -total / 2;
  for (const item of row) {
    item.x = at + item.width / 2;
    at += item.width + gap;
  }
}

/** Items that moved together until they no longer push one another. */
interface Pool {
  wanted: number;
  weight: number;
  items: number;
}

function settle(row: readonly Item[], gap: number, sides: Sides): void {
  const pools: Pool[] = [];
  const offsets: number[] = [];
  let offset = 0;
  row.forEach((item, index) => {
    if (index > 0) offset += (row[index - 1]!.width + item.width) / 2 + between(row[index - 1]!, item, gap);
    offsets.push(offset);
    const { x, weight } = wish(item, sides);
    let pool: Pool = { wanted: x - offset, weight, items: 1 };
    for (let last = pools.at(-1); last !== undefined && last.wanted >= pool.wanted; last = pools.at(-1)) {
      pools.pop();
      const sum = last.weight + pool.weight;
      const wanted = (last.wanted * last.weight + pool.wanted * pool.weight) / sum;
      pool = { wanted, weight: sum, items: last.items + pool.items };
    }
    pools.push(pool);
  });
  let index = 0;
  for (const { wanted, items } of pools)
    for (let each = 0; each < items; each++, index++) row[index]!.x = wanted + offsets[index]!;
}

function wish(item: Item, sides: Sides): { x: number; weight: number } {
  let [sum, weight] = [0, 0];
  for (const side of sides)
    for (const other of item[side]) {
      const own = item.box === undefined && other.box === undefined ? straightness : 1;
      sum += other.x * own;
      weight += own;
    }
  return weight === 0 ? { x: item.x, weight: 0.1 } : { x: sum / weight, weight };
}
