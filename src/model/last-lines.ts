export type OutputStream = 'stdout' | 'stderr';

/** The last lines that a program wrote. */
export interface Output {
  readonly lines: readonly string[];
  /** Those of them that came on standard error. Undefined if the streams are not known. */
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

export function keepLastLines(): LastLines {
  let kept: { readonly line: string; readonly stream: OutputStream | undefined }[] = [];
  return {
    add(line, stream) {
      kept.push({ line, stream });
      if (kept.length > maxLines) kept.shift();
    },
    clear() {
      kept = [];
    },
    read() {
      const lines = kept.map(({ line }) => line);
      if (kept.some(({ stream }) => stream === undefined)) return { lines };
      return { lines, stderr: kept.filter(({ stream }) => stream === 'stderr').map(({ line }) => line) };
    },
  };
}
