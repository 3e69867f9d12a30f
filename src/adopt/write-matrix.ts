import type { ArrangedCell, ArrangedImage } from './arrange.ts';
import { key, literal, makeFolder } from './fold.ts';
import { list, object } from './write-text.ts';

/** Writes the versions of an image with axes as `matrix()`. `listName` returns the constant that holds a list of versions. */
export function writeMatrix(
  { axes, format, cells }: ArrangedImage,
  name: string,
  { listName }: { listName(values: readonly string[]): string | undefined },
): string {
  const rows = axes.map(
    ({ name: axis, values }) =>
      `${key(axis)}: ${listName(values) ?? list(values.map(literal), 4, key(axis).length + 2)}`,
  );
  const parts = format!.map((part) =>
    typeof part === 'string' ? part.replace(/[\\`]|\$(?=\{)/g, '\\$&') : `\${c.${part.axis}}`,
  );
  const [only] = format!;
  const version =
    format!.length === 1 && typeof only === 'object' ? `c.${only.axis}` : `\`${parts.join('-')}\``;
  const exclude = excluded(axes, cells);
  return [
    `const ${name} = matrix(`,
    `  ${object(rows, 2)},`,
    `  ${object([`version: (c) => ${version}`, ...(exclude === undefined ? [] : [`exclude: (c) => ${exclude}`])], 2)},`,
    ');',
  ].join('\n');

  /** Returns the condition of the combinations that no target has. */
  function excluded(all: ArrangedImage['axes'], present: readonly ArrangedCell[]): string | undefined {
    let grid: Record<string, string>[] = [{}];
    for (const axis of all)
      grid = grid.flatMap((cell) => axis.values.map((value) => ({ ...cell, [axis.name]: value })));
    const has = new Set(present.map((cell) => JSON.stringify(all.map((axis) => cell.axes[axis.name]))));
    const isMissing = grid.map((cell) => !has.has(JSON.stringify(all.map((axis) => cell[axis.name]))));
    if (!isMissing.includes(true)) return undefined;
    return makeFolder(
      { axes: all.map((axis) => axis.name), cells: grid, isPlain: false },
      (hint) => hint,
    ).condition(isMissing);
  }
}
