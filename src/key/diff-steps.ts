import type { ManifestLine } from '../model/record.ts';
import type { Difference } from './difference.ts';

/** An instruction of a stage. Its number in the stage says nothing: one more above it changes all below. */
function identity([, name, text]: ManifestLine): string {
  return `${name.replace(/ \d+$/, '')}\0${text}`;
}

/** How two lists of instructions differ: by their longest common subsequence, what was replaced told as one change. */
export function diffSteps(before: readonly ManifestLine[], after: readonly ManifestLine[]): Difference[] {
  const [old, now] = [before.map(identity), after.map(identity)];
  const lengths = commonLengths(old, now);
  const differences: Difference[] = [];
  let [gone, added]: [ManifestLine[], ManifestLine[]] = [[], []];
  const flush = (): void => {
    for (let at = 0; at < Math.max(gone.length, added.length); at++)
      differences.push(asDifference(gone[at], added[at]));
    [gone, added] = [[], []];
  };
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      flush();
      i++;
      j++;
    } else if (j >= now.length || (i < old.length && lengths[i + 1]![j]! >= lengths[i]![j + 1]!)) {
      gone.push(before[i++]!);
    } else added.push(after[j++]!);
  }
  flush();
  return differences;
}

function asDifference(gone: ManifestLine | undefined, added: ManifestLine | undefined): Difference {
  const line = added?.[3];
  return {
    kind: 'step',
    name: (added ?? gone)![1],
    ...(gone !== undefined ? { before: gone[2] } : {}),
    ...(added !== undefined ? { after: added[2] } : {}),
    ...(line !== undefined ? { line } : {}),
  };
}

/** For each pair of tails the length of their longest common subsequence. */
function commonLengths(old: readonly string[], now: readonly string[]): number[][] {
  const lengths = Array.from({ length: old.length + 1 }, () => new Array<number>(now.length + 1).fill(0));
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      lengths[i]![j] =
        old[i] === now[j] ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  return lengths;
}
