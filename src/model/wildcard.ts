/**
 * Returns true if a pattern matches the whole text: `*` matches any text, `?` one character. On a mismatch only the last star
 * takes more text, so the time is at most the product of the two lengths.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  let [textAt, patternAt] = [0, 0];
  let star: { textAt: number; patternAt: number } | undefined;
  while (textAt < text.length) {
    if (pattern[patternAt] === '*') star = { textAt, patternAt: ++patternAt };
    else if (pattern[patternAt] === '?' || pattern[patternAt] === text[textAt]) {
      textAt++;
      patternAt++;
    } else if (star !== undefined) {
      textAt = ++star.textAt;
      patternAt = star.patternAt;
    } else return false;
  }
  while (pattern[patternAt] === '*') patternAt++;
  return patternAt === pattern.length;
}
