import type { Manifest, ManifestLine } from '../model/record.ts';
import { diffSteps } from './diff-steps.ts';
import type { Difference } from './difference.ts';

/** Returns the differences between two manifests: instructions first, then the newer manifest's order, removed lines last. */
export function diffManifests(before: Manifest, after: Manifest): Difference[] {
  // Another schema describes the same inputs in other lines, so a comparison would say nothing.
  if (before.schema !== after.schema) {
    const [oldSchema, newSchema] = [String(before.schema), String(after.schema)];
    return [{ kind: 'schema', name: 'of keys', before: oldSchema, after: newSchema }];
  }
  const steps = diffSteps(before.lines.filter(isStep), after.lines.filter(isStep));
  return [...steps, ...diffNamedLines(before.lines, after.lines)];
}

function isStep([kind]: ManifestLine): boolean {
  return kind === 'step';
}

function diffNamedLines(before: readonly ManifestLine[], after: readonly ManifestLine[]): Difference[] {
  const unmatched = new Map(before.filter((line) => !isStep(line)).map((line) => [lineId(line), line]));
  const differences: Difference[] = [];
  for (const line of after) {
    if (isStep(line)) continue;
    const [kind, name, value] = line;
    const match = unmatched.get(lineId(line));
    unmatched.delete(lineId(line));
    if (match === undefined) differences.push({ kind, name, after: value });
    else if (match[2] !== value) differences.push({ kind, name, before: match[2], after: value });
  }
  for (const [kind, name, value] of unmatched.values()) differences.push({ kind, name, before: value });
  return differences;
}

function lineId([kind, name]: ManifestLine): string {
  return `${kind}\0${name}`;
}
