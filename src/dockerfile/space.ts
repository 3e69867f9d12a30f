/**
 * What Go calls white space (`unicode.IsSpace`), which BuildKit trims by. JavaScript's `trim` differs in two
 * characters: it takes U+FEFF for white space and U+0085 for text.
 */
const SPACE = '\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const LEADING = new RegExp(`^[${SPACE}]+`);
const TRAILING = new RegExp(`[${SPACE}]+$`);
const ONE = new RegExp(`^[${SPACE}]$`);

/** True for one character of white space. */
export function isSpace(char: string): boolean {
  return ONE.test(char);
}

/** The text without white space at its start. */
export function trimStart(text: string): string {
  return text.replace(LEADING, '');
}

/** The text without white space at both ends. */
export function trim(text: string): string {
  return text.replace(LEADING, '').replace(TRAILING, '');
}
