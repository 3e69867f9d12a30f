import * as define from '../define/index.ts';

type Evaluations = Map<string, object>;

/** Where compiled modules find what `image-tasks` exports to them, by the query of their own URL. */
const evaluationsSlot = Symbol.for('image-tasks.evaluations');

/** What `image-tasks` exports. */
export const ownNames: readonly string[] = Object.keys(define);
const ownExportLines = ownNames.map((name) => `export const ${name} = own.${name};`);

/** The text of the module that compiled modules contain as `image-tasks`. */
export const ownModule = [
  `const slot = Symbol.for('${evaluationsSlot.description}');`,
  'const own = globalThis[slot].get(new URL(import.meta.url).search);',
  ...ownExportLines,
].join('\n');

/** The same for compiled scripts, whose `require` returns it. */
export const ownScript = ["const own = require('image-tasks');", ...ownExportLines].join('\n');

/** Returns what definitions import from `image-tasks` under a profile. */
export function ownExports(profile: string): object {
  return { ...define, profile };
}

/**
 * Loads a module under a URL of its own, since Node would return the module of an earlier evaluation, and lets it find what
 * `image-tasks` exports under this profile. `load`: Node's own `import`. Returns the module.
 */
export async function loadWithOwnExports(
  url: string,
  profile: string,
  load: (url: string) => Promise<unknown>,
): Promise<unknown> {
  const all = evaluations();
  const query = `?evaluation=${Math.random().toString(36).slice(2)}`;
  all.set(query, ownExports(profile));
  try {
    return await load(url + query);
  } finally {
    all.delete(query);
  }
}

/** All copies of this program in a process share one map. */
function evaluations(): Evaluations {
  const slots = globalThis as unknown as Record<symbol, Evaluations | undefined>;
  const all = slots[evaluationsSlot] ?? new Map();
  slots[evaluationsSlot] = all;
  return all;
}
