/** True for tags that only this program sets: content tags, passes of tests, and what is kept under a digest (signatures). */
export function isDerivedTag(tag: string): boolean {
  return /-k[0-9a-f]{12}(?:-[ti][0-9a-f]{12})?$|^sha256-[0-9a-f]{64}/.test(tag);
}
