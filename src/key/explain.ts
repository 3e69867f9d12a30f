import type { Manifest, ManifestLine } from '../model/record.ts';

/** One difference between two manifests. `before` or `after` is missing where the line is new or gone. */
export interface Difference {
  readonly kind: string;
  readonly name: string;
  readonly before?: string;
  readonly after?: string;
}

/** What stands differently in two manifests, in the order of the newer one, what is gone last. */
export function explain(before: Manifest, after: Manifest): Difference[] {
  const old = new Map(before.lines.map((line) => [nameOf(line), line]));
  const differences: Difference[] = [];
  if (before.schema !== after.schema) {
    differences.push({
      kind: 'schema',
      name: 'of keys',
      before: String(before.schema),
      after: String(after.schema),
    });
  }
  for (const line of after.lines) {
    const [kind, name, value] = line;
    const match = old.get(nameOf(line));
    old.delete(nameOf(line));
    if (match === undefined) differences.push({ kind, name, after: value });
    else if (match[2] !== value) differences.push({ kind, name, before: match[2], after: value });
  }
  for (const [kind, name, value] of old.values()) differences.push({ kind, name, before: value });
  return differences;
}

/** A difference in a few words: `file images/x changed`, `arg PG_VERSION 16.12 → 16.13`. */
export function describe(difference: Difference): string {
  const { kind, name, before, after } = difference;
  const subject = kind === 'need' || kind === 'image' || kind === 'task' ? name : `${kind} ${name}`;
  if (before === undefined) return `${subject} is new`;
  if (after === undefined) return `${subject} is gone`;
  if (kind === 'file' || kind === 'program' || kind === 'dockerfile' || kind === 'need')
    return `${subject} changed`;
  return `${subject} ${before} → ${after}`;
}

function nameOf([kind, name]: ManifestLine): string {
  return `${kind}\0${name}`;
}
