import { createLineReader, type LineReader } from '../model/line-reader.ts';

/** A line of a step's output, without its ending. */
export interface OutputLine {
  readonly digest: string;
  readonly stream: number;
  readonly line: string;
}

/** Joins the pieces of output to lines: pieces end anywhere, also inside a character. */
export interface LineSplitter {
  push(digest: string, stream: number, bytes: Uint8Array): OutputLine[];
  /** Returns the unfinished lines of a step, or of all steps. */
  flush(digest?: string): OutputLine[];
}

export function splitLines(): LineSplitter {
  const readers = new Map<string, { readonly digest: string; readonly reader: LineReader }>();
  let complete: OutputLine[] = [];
  const takeLines = (): OutputLine[] => {
    const lines = complete;
    complete = [];
    return lines;
  };
  return {
    push(digest, stream, bytes) {
      const key = `${stream} ${digest}`;
      const reader =
        readers.get(key)?.reader ?? createLineReader((line) => complete.push({ digest, stream, line }));
      readers.set(key, { digest, reader });
      reader.write(bytes);
      return takeLines();
    },
    flush(digest) {
      for (const [key, open] of readers) {
        if (digest !== undefined && open.digest !== digest) continue;
        readers.delete(key);
        open.reader.end();
      }
      return takeLines();
    },
  };
}
