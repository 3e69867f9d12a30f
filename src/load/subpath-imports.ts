import { readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Returns the files (absolute) that a subpath import such as `#lib/x` may resolve to, under any condition, by "imports" of
 * the nearest package.json. Returns none if that cannot be read: resolving the import reports the error.
 */
export function subpathImportFiles(name: string, folder: string): string[] {
  for (let at = folder; ; at = path.dirname(at)) {
    const text = readText(path.join(at, 'package.json'));
    if (text !== undefined)
      return matchImports(name, parseImports(text)).map((file) => path.resolve(at, file));
    if (path.dirname(at) === at) return [];
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // Missing: continue with the parent folder.
    return undefined;
  }
}

function parseImports(text: string): Record<string, unknown> {
  try {
    const { imports } = JSON.parse(text) as { imports?: Record<string, unknown> };
    return imports ?? {};
  } catch {
    return {};
  }
}

function matchImports(name: string, imports: Record<string, unknown>): string[] {
  return Object.entries(imports).flatMap(([pattern, target]) => {
    const [start, end] = pattern.split('*') as [string, string?];
    if (end === undefined) return pattern === name ? stringsIn(target) : [];
    if (!name.startsWith(start) || !name.endsWith(end)) return [];
    const rest = name.slice(start.length, name.length - end.length);
    return stringsIn(target).map((text) => text.replaceAll('*', () => rest));
  });
}

/** Returns all strings in a value, at any depth of conditions and lists. */
function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}
