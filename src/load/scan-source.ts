// Enough of JavaScript's syntax to find the end of an expression. It is used for messages only: where it is wrong, a message names a
// less exact place.

/** Returns the position after white space and comments. */
export function endOfTrivia(text: string, start: number): number {
  const trivia = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$))*/y;
  trivia.lastIndex = start;
  // Beyond the end, nothing matches.
  return trivia.test(text) ? trivia.lastIndex : text.length;
}

const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/**
 * Returns the end of an expression: the position of the comma, semicolon or bracket that ends it. Skips strings, templates, comments,
 * regular expressions, and everything in brackets.
 */
export function endOfExpression(text: string, start: number): number {
  const open: string[] = [];
  let at = start;
  /** The last character that is not white space or a comment. */
  let last = '';
  for (at = endOfTrivia(text, at); at < text.length; at = endOfTrivia(text, at)) {
    const char = text[at]!;
    if (open.length === 0 && /[,;)\]}]/.test(char)) return at;
    if (char === '"' || char === "'") at = endOfString(text, at);
    else if (char === '`') at = endOfTemplate(text, at);
    else if (char === '/' && mayBeginRegExp(text, at, last)) at = endOfRegExp(text, at);
    else {
      if (char in closing) open.push(closing[char]!);
      else if (char === open.at(-1)) open.pop();
      at++;
    }
    last = char;
  }
  return at;
}

function endOfString(text: string, start: number): number {
  const quote = text[start];
  let at = start + 1;
  while (at < text.length && text[at] !== quote && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function endOfTemplate(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '`') {
    if (text[at] === '\\') at += 2;
    else if (text.startsWith('${', at)) at = endOfExpression(text, at + 2) + 1;
    else at++;
  }
  return at + 1;
}

/** After a value, a slash divides. */
function mayBeginRegExp(text: string, at: number, last: string): boolean {
  if (/^[)\]}'"`]$/.test(last)) return false;
  if (!/^[\w$]$/.test(last)) return true;
  return /\b(?:return|typeof|case|in|of|await)\s*$/.test(text.slice(Math.max(0, at - 20), at));
}

function endOfRegExp(text: string, start: number): number {
  const end = /\/(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\//y;
  end.lastIndex = start;
  return end.test(text) ? end.lastIndex : start + 1;
}
