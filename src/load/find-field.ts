import { endOfExpression, endOfTrivia } from './scan-source.ts';

/** A range of characters in a text. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** A property of an object literal, or an element of an array literal, where both are the element. */
export interface FieldRange {
  readonly key: TextRange;
  readonly value: TextRange;
}

/**
 * Finds a field of the object literal that a call gets. `at`: where the called function is named. `field`: a path such as `context`,
 * `needs.BASE` or `tags.1`; keys may contain dots. `argument`: the position of the literal among the arguments. Follows functions that
 * return a literal at once: `args: (v) => ({ V: v })`. Returns undefined if it is not written there.
 */
export function findField(text: string, at: number, field: string, argument = 0): FieldRange | undefined {
  const open = /[\w$.\s]*(?:<[^>]*>\s*)?\(/y;
  open.lastIndex = at;
  if (!open.test(text)) return undefined;
  let start = open.lastIndex;
  for (let skipped = 0; skipped < argument; skipped++) {
    start = endOfExpression(text, start);
    if (text[start] !== ',') return undefined;
    start++;
  }
  return findIn(text, start, field);
}

/** Finds a path in the expression that begins at a position. */
function findIn(text: string, start: number, field: string): FieldRange | undefined {
  const literal = literalAt(text, start);
  if (literal === undefined) return undefined;
  const properties = text[literal] === '{' ? propertiesOf(text, literal) : elementsOf(text, literal);
  for (let dot = field.length; dot > 0; dot = field.lastIndexOf('.', dot - 1)) {
    // Of equal keys, the last one counts.
    const found = properties.findLast(({ name }) => name === field.slice(0, dot));
    if (found === undefined) continue;
    return dot === field.length ? found : (findIn(text, found.value.start, field.slice(dot + 1)) ?? found);
  }
  return undefined;
}

/** Returns the position of the object or array literal that an expression is, or returns as a function. */
function literalAt(text: string, start: number): number | undefined {
  let at = endOfTrivia(text, start);
  const parameters = /^(?:async\s*)?(?:[\w$]+|(?=\())/.exec(text.slice(at, at + 200));
  const afterName = at + (parameters?.[0].length ?? 0);
  if (parameters !== null) {
    const isList = text[afterName] === '(';
    const end = endOfTrivia(text, isList ? endOfGroup(text, afterName) : afterName);
    const arrow = /^(?::[^={]*)?=>/.exec(text.slice(end, end + 400));
    if (arrow !== null) {
      at = endOfTrivia(text, end + arrow[0].length);
      // A body in braces is not a literal.
      if (text[at] === '{') return undefined;
    }
  }
  while (text[at] === '(') at = endOfTrivia(text, at + 1);
  return text[at] === '{' || text[at] === '[' ? at : undefined;
}

/** Returns the end of a group in brackets. */
function endOfGroup(text: string, open: number): number {
  let at = open + 1;
  for (;;) {
    at = endOfExpression(text, at);
    if (text[at] !== ',' && text[at] !== ';') return at + 1;
    at++;
  }
}

type Named = FieldRange & { readonly name: string };

function propertiesOf(text: string, open: number): Named[] {
  return partsOf(text, open).flatMap(({ start, end }) => propertyAt(text, start, end) ?? []);
}

function elementsOf(text: string, open: number): Named[] {
  return partsOf(text, open).map((range, index) => ({ name: String(index), key: range, value: range }));
}

/** Returns what is between the commas of a literal. */
function partsOf(text: string, open: number): TextRange[] {
  const parts: TextRange[] = [];
  for (let at = open; at < text.length && (at === open || text[at] === ','); ) {
    const start = endOfTrivia(text, at + 1);
    at = endOfExpression(text, start);
    if (at > start) parts.push({ start, end: start + text.slice(start, at).trimEnd().length });
  }
  return parts;
}

const keyPattern =
  /(?:(?:async|get|set)\s+(?=[\w$'"]))?(?:([\w$]+)|'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/y;

/** Returns the property in a range; undefined for a computed key or a spread. */
function propertyAt(text: string, start: number, end: number): Named | undefined {
  keyPattern.lastIndex = start;
  const match = keyPattern.exec(text);
  if (match === null) return undefined;
  const name = match[1] ?? match[2] ?? match[3]!;
  const keyEnd = keyPattern.lastIndex;
  const key = { start: keyEnd - name.length - (match[1] === undefined ? 2 : 0), end: keyEnd };
  const after = endOfTrivia(text, keyEnd);
  // A method, or a variable of the same name.
  if (text[after] !== ':') return { name, key, value: { start: key.start, end } };
  return { name, key, value: { start: endOfTrivia(text, after + 1), end } };
}
