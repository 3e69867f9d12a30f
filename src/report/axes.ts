// Versions as tables. The HTML page bundles this file, so it imports nothing from Node.
import type { Axes } from '../model/task.ts';

/** A version of a definition. Without `axes` it is from a plain list. */
export interface Versioned {
  readonly version: string;
  readonly axes?: Axes;
}

/** The versions of one definition on two axes or more: one axis in the columns, the others in the rows. */
export interface AxisTable<T> {
  /** The axes of the row labels. */
  readonly rowAxes: readonly string[];
  readonly columnAxis: string;
  /** The values of the column axis. */
  readonly columns: readonly string[];
  readonly rows: readonly AxisRow<T>[];
}

export interface AxisRow<T> {
  /** The values of the row axes. */
  readonly labels: readonly string[];
  /** A version per column, or undefined where there is none. */
  readonly cells: readonly (T | undefined)[];
}

/**
 * Returns the versions of a definition as a table, or undefined if fewer than two axes vary or most cells would be empty. The axis with the most values has the
 * columns if `fits` accepts them, or else the axis with the fewest. Axes on which all versions are equal are left out.
 */
export function axisTable<T extends Versioned>(
  versions: readonly T[],
  fits: (values: readonly string[]) => boolean = () => true,
): AxisTable<T> | undefined {
  const axes = varyingAxes(versions);
  if (axes === undefined || axes.size < 2) return undefined;
  const bySize = [...axes].sort(([, a], [, b]) => b.length - a.length);
  const [columnAxis, columns] = fits(bySize[0]![1]) ? bySize[0]! : bySize.at(-1)!;
  const rowAxes = [...axes.keys()].filter((axis) => axis !== columnAxis);
  const cells = new Map<string, T>();
  for (const version of versions) {
    const at = placeOf(version, [...rowAxes, columnAxis]);
    if (cells.has(at)) return undefined;
    cells.set(at, version);
  }
  let labels: string[][] = [[]];
  for (const axis of rowAxes)
    labels = labels.flatMap((before) => axes.get(axis)!.map((value) => [...before, value]));
  const rows = labels.map((each) => ({
    labels: each,
    cells: columns.map((column) => cells.get(JSON.stringify([...each, column]))),
  }));
  const isUsed = ({ cells: inRow }: AxisRow<T>): boolean => inRow.some((cell) => cell !== undefined);
  const used = rows.filter(isUsed);
  const isSparse = versions.length * 2 < used.length * columns.length;
  return isSparse ? undefined : { rowAxes, columnAxis, columns, rows: used };
}

/** Returns the shortest text that tells a version from the others: its value if only one axis varies, or else the version. */
export function shortNames<T extends Versioned>(versions: readonly T[]): Map<T, string> {
  const axes = versions.length > 1 ? varyingAxes(versions) : undefined;
  const [axis] = axes?.size === 1 ? [...axes.keys()] : [];
  const nameOf = ({ version, axes: values }: T): string => (axis === undefined ? version : values![axis]!);
  return new Map(versions.map((each) => [each, nameOf(each)]));
}

/**
 * Returns how versions are made from their axes, as in `<pg>-<distro>`, if all are made in the same way. `axes`: those that the
 * pattern may name.
 */
export function versionPattern(versions: readonly Versioned[]): string | undefined {
  const [first] = versions;
  if (first?.axes === undefined) return undefined;
  const varying = varyingAxes(versions);
  if (varying === undefined) return undefined;
  const axes = [...varying.keys()];
  const byValue = new Map(axes.map((axis) => [first.axes![axis]!, axis]));
  const values = [...byValue.keys()].sort((a, b) => b.length - a.length);
  if (values.length < axes.length || values.includes('')) return undefined;
  const anyValue = new RegExp(`(${values.map((each) => each.replace(/[^\w]/g, '\\$&')).join('|')})`);
  // Odd parts are values.
  const parts = first.version.split(anyValue);
  const used = parts.filter((_, index) => index % 2 === 1);
  if (used.length !== axes.length || new Set(used).size !== axes.length) return undefined;
  const fill = (textFor: (axis: string) => string): string =>
    parts.map((part, index) => (index % 2 === 1 ? textFor(byValue.get(part)!) : part)).join('');
  const isMadeSo = versions.every(({ version, axes: own }) => fill((axis) => own![axis]!) === version);
  return isMadeSo ? fill((axis) => `<${axis}>`) : undefined;
}

/** Returns the axes on which versions differ, with their values; undefined if not all versions have the same axes. */
function varyingAxes(versions: readonly Versioned[]): Map<string, string[]> | undefined {
  const names = Object.keys(versions[0]?.axes ?? {});
  const isAlike = ({ axes = {} }: Versioned): boolean =>
    Object.keys(axes).length === names.length && names.every((name) => name in axes);
  if (names.length === 0 || !versions.every(isAlike)) return undefined;
  const values = names.map((name): [string, string[]] => [
    name,
    [...new Set(versions.map(({ axes }) => axes![name]!))],
  ]);
  const varying = values.filter(([, each]) => each.length > 1);
  const axes = varying.map(([axis]) => axis);
  return new Map(varying.map(([axis, each]) => [axis, sortValues(each, axis, axes, versions)]));
}

/**
 * Sorts the values of an axis as they were written. Versions that others need come first in a graph, so the order is that of most
 * versions that differ in this axis only.
 */
function sortValues(
  values: readonly string[],
  axis: string,
  axes: readonly string[],
  versions: readonly Versioned[],
): string[] {
  if (axes.length === 1) return [...values];
  const others = axes.filter((each) => each !== axis);
  const groups = new Map<string, number>();
  const ranks = new Map(values.map((value) => [value, { sum: 0, count: 0 }]));
  for (const version of versions) {
    const group = placeOf(version, others);
    const rank = groups.get(group) ?? 0;
    groups.set(group, rank + 1);
    const ranked = ranks.get(version.axes![axis]!)!;
    ranked.sum += rank;
    ranked.count++;
  }
  const mean = (value: string): number => ranks.get(value)!.sum / ranks.get(value)!.count;
  return [...values].sort((a, b) => mean(a) - mean(b));
}

function placeOf({ axes }: Versioned, names: readonly string[]): string {
  return JSON.stringify(names.map((name) => axes![name]));
}
