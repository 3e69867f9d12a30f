import type { ManifestLine } from '../model/record.ts';
import type { Difference } from './difference.ts';

/** Identifies an instruction by its stage and text. Its number doesn't count, because an insertion changes all numbers after it. */
function stepId([, name, text]: ManifestLine): string {
  return `${name.replace(/ \d+$/, '')}\0${text}`;
}

/** Returns the differences between two lists of instructions. A replaced instruction is one difference. */
export function diffSteps(before: readonly ManifestLine[], after: readonly ManifestLine[]): Difference[] {
  const [oldIds, newIds] = [before.map(stepId), after.map(stepId)];
  const lengths = commonLengths(oldIds, newIds);
  const differences: Difference[] = [];
  let [removed, added]: [ManifestLine[], ManifestLine[]] = [[], []];
  const flush = (): void => {
    for (let at = 0; at < Math.max(removed.length, added.length); at++)
      differences.push(stepDifference(removed[at], added[at]));
    [removed, added] = [[], []];
  };
  let [i, j] = [0, 0];
  while (i < oldIds.length || j < newIds.length) {
    if (i < oldIds.length && j < newIds.length && oldIds[i] === newIds[j]) {
      flush();
      i++;
      j++;
    } else if (j >= newIds.length || (i < oldIds.length && lengths[i + 1]![j]! >= lengths[i]![j + 1]!)) {
      removed.push(before[i++]!);
    } else added.push(after[j++]!);
  }
  flush();
  return differences;
}

function stepDifference(removed: ManifestLine | undefined, added: ManifestLine | undefined): Difference {
  const line = added?.[3];
  return {
    kind: 'step',
    name: (added ?? removed)![1],
    ...(removed !== undefined ? { before: removed[2] } : {}),
    ...(added !== undefined ? { after: added[2] } : {}),
    ...(line !== undefined ? { line } : {}),
  };
}

/** Returns the length of the longest common subsequence for each pair of tails. */
function commonLengths(oldIds: readonly string[], newIds: readonly string[]): number[][] {
  const lengths = Array.from({ length: oldIds.length + 1 }, () =>
    new Array<number>(newIds.length + 1).fill(0),
  );
  for (let i = oldIds.length - 1; i >= 0; i--) {
    for (let j = newIds.length - 1; j >= 0; j--) {
      lengths[i]![j] =
        oldIds[i] === newIds[j]
          ? lengths[i + 1]![j + 1]! + 1
          : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  return lengths;
}
