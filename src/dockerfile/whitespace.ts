/**
 * The characters that Go considers white space (`unicode.IsSpace`), which BuildKit trims. JavaScript's `trim` differs in two
 * characters: it treats U+FEFF as white space and U+0085 as text.
 */
const spaces =
  '\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000';

/** Tells whether a text is one character of white space. */
export function isSpace(char: string): boolean {
  return char !== '' && spaces.includes(char);
}

/** Returns the text without leading white space. */
export function trimStart(text: string): string {
  let start = 0;
  while (start < text.length && spaces.includes(text[start]!)) start++;
  return text.slice(start);
}

/** Returns the text without leading and trailing white space. */
export function trim(text: string): string {
  return trimEndOf(trimStart(text), spaces);
}

/**
 * Returns the text without the given characters at its end. It takes linear time, unlike a regular expression, which starts
 * again at each of them.
 */
export function trimEndOf(text: string, chars: string): string {
  let end = text.length;
  while (end > 0 && chars.includes(text[end - 1]!)) end--;
  return text.slice(0, end);
}
