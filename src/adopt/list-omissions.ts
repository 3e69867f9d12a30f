import type { Omission } from './target.ts';

/** Returns a line for each thing that was not carried over: equal ones of several targets once, with the first place. */
export function listOmissions(omissions: readonly Omission[]): string[] {
  const places = new Map<string, string[]>();
  for (const { what, place } of omissions) places.set(what, [...(places.get(what) ?? []), place]);
  return [...places].map(([what, all]) => {
    const [first, ...more] = [...new Set(all)];
    return `${first}${more.length > 0 ? ` and ${more.length} more` : ''}: ${what}`;
  });
}
