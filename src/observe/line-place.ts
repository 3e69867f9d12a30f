import type { SourcePlace } from '../model/errors.ts';

/**
 * Returns the place of a word in a line of a text, or of the line if the word is not in it. Case does not matter. `file`: relative to the
 * project root. `line`: from 1.
 */
export function placeInLine(file: string, text: string, line: number, word = ''): SourcePlace {
  const written = text.replace(/^\uFEFF/, '').split(/\r?\n/)[line - 1] ?? '';
  const at = word === '' ? -1 : written.toUpperCase().indexOf(word.toUpperCase());
  const start = at < 0 ? written.search(/\S|$/) : at;
  const length = at < 0 ? written.trim().length : word.length;
  return { file, line, column: start + 1, length: Math.max(1, length), text: written };
}
