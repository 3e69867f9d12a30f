/**
 * What Go calls white space (`unicode.IsSpace`), which BuildKit trims by. JavaScript's `trim` differs in two
 * characters: it takes U+FEFF for white space and U+0085 for text.
 */
const spaces =
  '\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000';

/** True for one character of white space. */
export function isSpace(char: string): boolean {
  return char !== '' && spaces.includes(char);
}

/** The text without white space at its start. */
export function trimStart(text: string): string {
  let start = 0;
  while (start < text.length && spaces.includes(text[start]!)) start++;
  return text.slice(start);
}

/** The text without white space at both ends. */
export function trim(text: string): string {
  return trimEndOf(trimStart(text), spaces);
}

/** The text without the given characters at its end. A regular expression would start again at each of them. */
export function trimEndOf(text: string, chars: string): string {
  let end = text.length;
  while (end > 0 && chars.includes(text[end - 1]!)) end--;
  return text.slice(0, end);
}
