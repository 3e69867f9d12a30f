/** An element: its name, its attributes (undefined ones are left out), and its content. */
export interface Element {
  readonly name: string;
  readonly attributes?: Readonly<Record<string, string | number | undefined>>;
  readonly content?: string | readonly Element[];
}

/** What XML 1.0 cannot contain, not even escaped (section 2.2): most control characters, halves of surrogate pairs, two more. */
const forbidden =
  /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Formats a document, with an element a line. Characters that XML cannot contain are removed. */
export function formatXml(root: Element): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${formatElement(root, '')}`;
}

function formatElement({ name, attributes = {}, content = [] }: Element, indent: string): string {
  const pairs = Object.entries(attributes).filter(([, value]) => value !== undefined);
  const start = `${indent}<${name}${pairs.map(([key, value]) => ` ${key}="${escapeAttribute(String(value))}"`).join('')}`;
  if (content.length === 0) return `${start}/>\n`;
  if (typeof content === 'string') return `${start}>${escapeText(content)}</${name}>\n`;
  const children = content.map((child) => formatElement(child, `${indent}  `)).join('');
  return `${start}>\n${children}${indent}</${name}>\n`;
}

function escapeText(text: string): string {
  return text
    .replace(forbidden, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('\r', '&#13;');
}

function escapeAttribute(text: string): string {
  // A parser reads other white space than blanks as blanks unless it is escaped.
  return escapeText(text).replaceAll('"', '&quot;').replaceAll('\n', '&#10;').replaceAll('\t', '&#9;');
}
