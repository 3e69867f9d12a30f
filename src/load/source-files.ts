import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { SourcePlace } from '../model/errors.ts';
import type { TextRange } from './find-field.ts';

/** Returns the text of a file of the project; undefined if it cannot be read. `file`: relative to the root. */
export function readSource(root: string, file: string): string | undefined {
  try {
    return readFileSync(path.resolve(root, file), 'utf8').replace(/^\uFEFF/, '');
  } catch {
    // It was there when it was compiled. The message is less exact without it.
    return undefined;
  }
}

/** Returns the place of a range in a file: of its part on its first line. */
export function placeOf(file: string, text: string, { start, end }: TextRange): SourcePlace {
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const lineEnd = text.indexOf('\n', start);
  const line = text.slice(lineStart, lineEnd < 0 ? text.length : lineEnd).replace(/\r$/, '');
  const column = start - lineStart;
  const length = Math.min(end, lineStart + line.length) - start;
  return {
    file,
    line: text.slice(0, start).split('\n').length,
    column: column + 1,
    length: Math.max(1, line.slice(column, column + length).trimEnd().length),
    text: line,
  };
}

/** Returns the position in a text of a line and a column, both from 1; undefined if there is no such line. */
export function offsetOf(text: string, line: number, column: number): number | undefined {
  let start = 0;
  for (let at = 1; at < line; at++) {
    start = text.indexOf('\n', start) + 1;
    if (start === 0) return undefined;
  }
  return Math.min(start + column - 1, text.length);
}

/** Returns the range of the word at a position, or of a single character. */
export function wordAt(text: string, start: number): TextRange {
  const word = /[\w$]+/y;
  word.lastIndex = start;
  return { start, end: word.test(text) ? word.lastIndex : start + 1 };
}
