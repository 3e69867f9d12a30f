/**
 * Which of two versions is newer, by PostgreSQL's order: 9.6 < 10 < 18beta1 < 18rc1 < 18 < 18.1. Parts that stand behind
 * `-`, `_` or `+` are compared one after another, `16.13-bookworm`. Undefined where that cannot tell.
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
/** What comes before a release, from the earliest on; nothing: the release itself. */
const stages = ['devel', 'alpha', 'beta', 'rc', ''];

function comparePart(a: string, b: string): number | undefined {
  const [left, right] = [form.exec(a), form.exec(b)];
  if (left === null || right === null) return undefined;
  const numbers = compareNumbers(left[1]!, right[1]!);
  if (numbers !== 0) return numbers;
  const stage = (match: RegExpExecArray): number => stages.indexOf((match[2] ?? '').toLowerCase());
  return stage(left) - stage(right) || Number(left[3] || 0) - Number(right[3] || 0);
}

/** Where one has more numbers it is the newer one, unless those are 0: 18 = 18.0 < 18.1. */
function compareNumbers(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
