/**
 * Compares two versions in PostgreSQL's order: 9.6 < 10 < 18beta1 < 18rc1 < 18 < 18.1. Parts separated by `-`, `_` or `+`, as in
 * `16.13-bookworm`, are compared one by one. Returns a negative number if `a` is older, a positive one if `b` is older, 0 if they
 * are equal, and undefined if they have no order.
 */
export function compareVersions(a: string, b: string): number | undefined {
  const [left, right] = [parts(a), parts(b)];
  if (left.length !== right.length) return undefined;
  for (const [index, part] of left.entries()) {
    const other = right[index]!;
    if (part === other) continue;
    return comparePart(part, other);
  }
  return 0;
}

function parts(version: string): string[] {
  return version.split(/[-_+]/);
}

const form = /^v?(\d+(?:\.\d+)*)(?:\.?~?(devel|alpha|beta|rc)\.?(\d*))?$/i;
/** Pre-release stages in order; the empty string is the release itself. */
const stages = ['devel', 'alpha', 'beta', 'rc', ''];

function comparePart(a: string, b: string): number | undefined {
  const [left, right] = [form.exec(a), form.exec(b)];
  if (left === null || right === null) return undefined;
  const numbers = compareNumbers(left[1]!, right[1]!);
  if (numbers !== 0) return numbers;
  const stage = (match: RegExpExecArray): number => stages.indexOf((match[2] ?? '').toLowerCase());
  return stage(left) - stage(right) || Number(left[3] || 0) - Number(right[3] || 0);
}

/** Compares dotted numbers; missing numbers count as 0: 18 = 18.0 < 18.1. */
function compareNumbers(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
