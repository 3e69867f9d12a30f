/** Text that may stand in XML and HTML, as content or as a quoted attribute. Characters that XML forbids are dropped. */
export function escapeXml(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, (character) => ('\t\n\r'.includes(character) ? character : ''))
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** JSON that may stand in a script element: nothing in it can end the element or begin a comment. */
export function jsonInHtml(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A string of the DOT language, quotes included. Only the quote and the backslash mean something there. */
export function quoteDot(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&').replace(/\r?\n/g, '\\n')}"`;
}

/** A quoted text of Mermaid: whatever could mean something there as a character code. */
export function quoteMermaid(text: string): string {
  const safe = text.replace(
    /[^\p{L}\p{N}\p{So}\u00b7 .,:_/+=()~-]/gu,
    (character) => `#${character.codePointAt(0)};`,
  );
  return `"${safe}"`;
}
