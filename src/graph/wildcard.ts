/**
 * Says whether a text is as a pattern wants it: `*` stands for any text, `?` for one character. Where a character does not
 * match, only the last star gets more text: no other could help, and the time stays the product of the two lengths at most.
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
