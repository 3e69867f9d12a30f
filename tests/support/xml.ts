/** An element of a parsed document. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** The text directly in it. */
  readonly text: string;
}

type Open = { name: string; attributes: Record<string, string>; children: XmlElement[]; text: string };

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Parses a document without comments, CDATA and document types, strictly. @throws Error if it is not well-formed */
export function parseXml(text: string): XmlElement {
  if (!/^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u.test(text))
    throw new Error('contains a character that XML does not allow');
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
  if (!text.startsWith(declaration)) throw new Error('does not begin with its declaration');
  const root: Open = { name: '', attributes: {}, children: [], text: '' };
  const open: Open[] = [root];
  const pattern = /<(\/?)([a-z-]+)((?:\s+[a-z]+="[^"<]*")*)\s*(\/?)>|([^<]+)|(<)/gy;
  for (const match of text.slice(declaration.length).matchAll(pattern)) {
    const [all, isEnd, name, attributes, isEmpty, content, wrong] = match;
    const parent = open.at(-1)!;
    if (wrong !== undefined) throw new Error(`unexpected < near ${parent.name}`);
    if (content !== undefined) parent.text += unescapeText(content);
    else if (isEnd) {
      if (open.pop()?.name !== name) throw new Error(`unexpected ${all}`);
    } else {
      const element: Open = { name: name!, attributes: {}, children: [], text: '' };
      for (const [, key, value] of attributes!.matchAll(/([a-z]+)="([^"]*)"/g)) {
        if (key! in element.attributes) throw new Error(`${key} twice`);
        // A parser reads white space in attributes as blanks, unless it is escaped.
        element.attributes[key!] = unescapeText(value!.replace(/[\t\n\r]/g, ' '));
      }
      parent.children.push(element);
      if (!isEmpty) open.push(element);
    }
  }
  if (open.length !== 1 || root.children.length !== 1 || root.text.trim() !== '')
    throw new Error('is not one element');
  return root.children[0]!;
}

function unescapeText(text: string): string {
  return text.replace(/&(?:#(\d+)|(\w*));?/g, (all, code?: string, name?: string) => {
    if (!all.endsWith(';')) throw new Error(`unescaped ${all}`);
    if (code !== undefined) return String.fromCodePoint(Number(code));
    const character = entities[name!];
    if (character === undefined) throw new Error(`unknown ${all}`);
    return character;
  });
}
