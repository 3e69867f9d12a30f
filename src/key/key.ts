import { createHash } from 'node:crypto';
import objectHash from 'object-hash';
import type { Key, Manifest, ManifestLine } from '../model/record.ts';

/** Kinds of lines of which a task may have thousands; they are hashed as one text first. */
const bulky = new Set(['file']);

/**
 * SHA-256 over a manifest, 64 hex digits.
 * object-hash gives another result for shared references than for equal copies (puleos/object-hash#78), so it only ever
 * sees a fresh copy made through JSON.
 */
export function hashManifest(manifest: Manifest): Key {
  // Without what is only for people.
  const lines = manifest.lines.map(([kind, name, value]): ManifestLine => [kind, name, value]);
  const few = lines.filter(([kind]) => !bulky.has(kind));
  const many = lines.filter(([kind]) => bulky.has(kind));
  const fresh = JSON.parse(JSON.stringify({ schema: manifest.schema, lines: few, files: digestOf(many) }));
  return objectHash(fresh, { algorithm: 'sha256', respectType: false });
}

function digestOf(lines: readonly ManifestLine[]): string {
  const hash = createHash('sha256');
  for (const line of lines) hash.update(`${JSON.stringify(line)}\n`);
  return hash.digest('hex');
}
