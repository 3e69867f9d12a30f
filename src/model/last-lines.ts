export type OutputStream = 'stdout' | 'stderr';

/** The last lines that a program wrote. */
export interface Output {
  readonly lines: readonly string[];
  /**
   * The last lines of standard error; a program can have written much to its standard output since. Undefined if the streams are not
   * known.
   */
  readonly stderr?: readonly string[];
}

/** Keeps the last lines of an output. */
export interface LastLines {
  /** Adds a line. Without a stream, the streams of the whole output count as not known. */
  add(line: string, stream?: OutputStream): void;
  clear(): void;
  read(): Output;
}

const maxLines = 20;
const maxErrorLines = 10;

export function keepLastLines(): LastLines {
  let kept: string[] = [];
  let errors: string[] = [];
  let isKnown = true;
  return {
    add(line, stream) {
      kept.push(line);
      if (kept.length > maxLines) kept.shift();
      if (stream === undefined) isKnown = false;
      if (stream === 'stderr') errors.push(line);
      if (errors.length > maxErrorLines) errors.shift();
    },
    clear() {
      kept = [];
      errors = [];
      isKnown = true;
    },
    read() {
      return { lines: [...kept], ...(isKnown ? { stderr: [...errors] } : {}) };
    },
  };
}
