import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { closestWords } from '../model/did-you-mean.ts';

/**
 * Returns a hint on a path that an instruction did not find in its build context: that it is ignored, or the names that are
 * similar. `folder` is the context on disk. Undefined if there is nothing to say.
 */
export function explainMissingSource(missing: string, folder: string): string | undefined {
  if (existsSync(path.join(folder, missing))) return `${missing} exists, but the ignore file excludes it`;
  const similar = similarPaths(missing.split('/'), folder);
  return similar.length === 0 ? undefined : `did you mean ${similar.join(', ')}?`;
}

/** Returns the existing paths that differ from a missing one in its first missing part. */
function similarPaths(parts: readonly string[], folder: string): string[] {
  const at = parts.findIndex((_, index) => !existsSync(path.join(folder, ...parts.slice(0, index + 1))));
  const parents = parts.slice(0, at);
  return closestWords(parts[at]!, namesIn(path.join(folder, ...parents)))
    .map((name) => [...parents, name, ...parts.slice(at + 1)])
    .filter((similar) => existsSync(path.join(folder, ...similar)))
    .map((similar) => similar.join('/'));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // A file, or a folder that cannot be read: there is nothing to suggest.
    return [];
  }
}
