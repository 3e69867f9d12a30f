import type { Manifest, ManifestLine } from '../model/record.ts';
import { diffSteps } from './diff-steps.ts';
import type { Difference } from './difference.ts';

/** What stands differently in two manifests, in the order of the newer one, what is gone last; instructions first. */
export function diffManifests(before: Manifest, after: Manifest): Difference[] {
  // Under another schema the same inputs stand in other lines: comparing them would tell nothing.
  if (before.schema !== after.schema) {
    const [old, now] = [String(before.schema), String(after.schema)];
    return [{ kind: 'schema', name: 'of keys', before: old, after: now }];
  }
  const steps = diffSteps(before.lines.filter(isStep), after.lines.filter(isStep));
  return [...steps, ...compareNamed(before.lines, after.lines)];
}

function isStep([kind]: ManifestLine): boolean {
  return kind === 'step';
}

function compareNamed(before: readonly ManifestLine[], after: readonly ManifestLine[]): Difference[] {
  const old = new Map(before.filter((line) => !isStep(line)).map((line) => [nameOf(line), line]));
  const differences: Difference[] = [];
  for (const line of after) {
    if (isStep(line)) continue;
    const [kind, name, value] = line;
    const match = old.get(nameOf(line));
    old.delete(nameOf(line));
    if (match === undefined) differences.push({ kind, name, after: value });
    else if (match[2] !== value) differences.push({ kind, name, before: match[2], after: value });
  }
  for (const [kind, name, value] of old.values()) differences.push({ kind, name, before: value });
  return differences;
}

function nameOf([kind, name]: ManifestLine): string {
  return `${kind}\0${name}`;
}
