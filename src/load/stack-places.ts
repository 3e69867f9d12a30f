import { SourceMap } from 'node:module';
import path from 'node:path';
import type { Compiled } from './compile.ts';

/** A position in a file of the project: relative to the root; line and column from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** What the positions of compiled code are in the files that it was compiled from. */
export interface SourcePositions {
  /** Returns the topmost position of a stack in the project's own files. */
  topOf(stack: string): SourcePosition | undefined;
  /** The files, relative to the root. */
  readonly files: readonly string[];
}

/** Reads a source map. `map`: its JSON. `root`: the project's, absolute. */
export function readPositions({ file }: Pick<Compiled, 'file'>, map: string, root: string): SourcePositions {
  const parsed = JSON.parse(map) as ConstructorParameters<typeof SourceMap>[0];
  const sources = new SourceMap(parsed);
  const nameOf = (source: string): string => path.relative(root, path.resolve(path.dirname(file), source));
  const frame = new RegExp(`${path.basename(file)}(?:\\?[\\w=]+)?:(\\d+):(\\d+)`, 'g');
  return {
    files: parsed.sources.map(nameOf).filter((name) => !/\0|^image-tasks:/.test(name)),
    topOf(stack) {
      for (const [, line, column] of stack.matchAll(frame)) {
        const entry = sources.findEntry(Number(line) - 1, Number(column) - 1);
        if (!('originalSource' in entry)) continue;
        const { originalSource, originalLine, originalColumn } = entry;
        return { file: nameOf(originalSource), line: originalLine + 1, column: originalColumn + 1 };
      }
      return undefined;
    },
  };
}
