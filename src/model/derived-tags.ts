/**
 * Returns true for a tag that only this program sets: a content tag, a passed test, or an object stored under a digest (a
 * signature).
 */
export function isDerivedTag(tag: string): boolean {
  return /-k[0-9a-f]{12}(?:-[ti][0-9a-f]{12})?$|^sha256-[0-9a-f]{64}/.test(tag);
}
