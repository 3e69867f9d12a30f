import { readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * The files (absolute) that an import such as `#lib/x` may mean, under any condition: what "imports" of the nearest package.json
 * gives for it. None where that cannot be read: whoever resolves the import says what is wrong.
 */
export function subpathImportFiles(name: string, folder: string): string[] {
  for (let at = folder; ; at = path.dirname(at)) {
    const text = textOf(path.join(at, 'package.json'));
    if (text !== undefined) return filesFor(name, importsIn(text)).map((file) => path.resolve(at, file));
    if (path.dirname(at) === at) return [];
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // Not there: the next one above counts.
    return undefined;
  }
}

function importsIn(text: string): Record<string, unknown> {
  try {
    const { imports } = JSON.parse(text) as { imports?: Record<string, unknown> };
    return imports ?? {};
  } catch {
    return {};
  }
}

function filesFor(name: string, imports: Record<string, unknown>): string[] {
  return Object.entries(imports).flatMap(([pattern, meaning]) => {
    const [start, end] = pattern.split('*') as [string, string?];
    if (end === undefined) return pattern === name ? textsIn(meaning) : [];
    if (!name.startsWith(start) || !name.endsWith(end)) return [];
    const rest = name.slice(start.length, name.length - end.length);
    return textsIn(meaning).map((text) => text.replaceAll('*', () => rest));
  });
}

/** All texts in a value, whatever conditions and lists they stand in. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
