import { StringDecoder } from 'node:string_decoder';

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

/** Longer lines are broken, so that output without line endings does not pile up. */
const maxLineLength = 64 << 10;

export function splitLines(): LineSplitter {
  const open = new Map<string, { digest: string; stream: number; decoder: StringDecoder; text: string }>();
  return {
    push(digest, stream, bytes) {
      const key = `${stream} ${digest}`;
      const pending = open.get(key) ?? { digest, stream, decoder: new StringDecoder('utf8'), text: '' };
      open.set(key, pending);
      const lines = (pending.text + pending.decoder.write(bytes)).split('\n');
      const rest = lines.pop()!;
      pending.text = rest.length > maxLineLength ? '' : rest;
      if (rest.length > maxLineLength) lines.push(rest);
      return lines.map((line) => ({ digest, stream, line: line.replace(/\r$/, '') }));
    },
    flush(digest) {
      return [...open].flatMap(([key, pending]) => {
        if (digest !== undefined && pending.digest !== digest) return [];
        open.delete(key);
        const line = (pending.text + pending.decoder.end()).replace(/\r$/, '');
        return line === '' ? [] : [{ digest: pending.digest, stream: pending.stream, line }];
      });
    },
  };
}
