/**
 * True if a pattern matches a whole text: `*` stands for any text, `?` for one character. Where a character does not match, only
 * the last star takes more text, since no other could help: the time is at most the product of the two lengths.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  let [at, want] = [0, 0];
  let star: { want: number; at: number } | undefined;
  while (at < text.length) {
    if (pattern[want] === '*') star = { want: ++want, at };
    else if (pattern[want] === '?' || pattern[want] === text[at]) {
      at++;
      want++;
    } else if (star !== undefined) {
      at = ++star.at;
      want = star.want;
    } else return false;
  }
  while (pattern[want] === '*') want++;
  return want === pattern.length;
}
