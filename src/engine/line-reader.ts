import { StringDecoder } from 'node:string_decoder';

/** Splits the output of a program into lines. */
export interface LineReader {
  write(data: Buffer): void;
  /** Must be called after the last `write`: the last line may have no line break. */
  end(): void;
}

/** Returns a reader that calls `onLine` with each line, without its line break. */
export function createLineReader(onLine: (line: string) => void): LineReader {
  const decoder = new StringDecoder('utf8');
  let partialLine = '';
  // A progress bar rewrites its line with carriage returns: only the last version counts, as in a terminal.
  const emit = (line: string): void => onLine(line.replace(/\r$/, '').replace(/^.*\r/, ''));
  return {
    write(data) {
      const text = decoder.write(data);
      if (!text.includes('\n')) {
        partialLine += text;
        return;
      }
      const lines = (partialLine + text).split('\n');
      partialLine = lines.pop()!;
      for (const line of lines) emit(line);
    },
    end() {
      partialLine += decoder.end();
      if (partialLine !== '') emit(partialLine);
      partialLine = '';
    },
  };
}
