/** Escapes text for XML and HTML, as content or as a quoted attribute. Characters that XML forbids are removed. */
export function escapeXml(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, (character) => ('\t\n\r'.includes(character) ? character : ''))
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Formats JSON for a script element, so that nothing in it ends the element or starts a comment. */
export function jsonInHtml(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Quotes text for the DOT language, in which only the quote and the backslash are special. */
export function quoteDot(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&').replace(/\r?\n/g, '\\n')}"`;
}

/** Quotes text for Mermaid. All characters that could be special are written as character codes. */
export function quoteMermaid(text: string): string {
  const safe = text.replace(
    /[^\p{L}\p{N}\p{So}\u00b7 .,:_/+=()~-]/gu,
    (character) => `#${character.codePointAt(0)};`,
  );
  return `"${safe}"`;
}
