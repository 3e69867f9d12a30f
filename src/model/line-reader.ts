/** Splits the output of a program into lines. */
export interface LineReader {
  write(data: Uint8Array): void;
  /** Must be called after the last `write`: the last line may have no line break. */
  end(): void;
}

/** The number of characters after which a line is broken, so that output without line breaks does not pile up. */
const maxLength = 1 << 20;

/** Returns a reader that calls `onLine` with each line, without its line break. */
export function createLineReader(onLine: (line: string) => void): LineReader {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let partialLine = '';
  /** Reports pieces of a line until no more than a piece remains, which it returns. */
  const breakUp = (line: string): string => {
    let rest = line;
    while (rest.length > maxLength) {
      const end = isHighSurrogate(rest.charCodeAt(maxLength - 1)) ? maxLength - 1 : maxLength;
      onLine(rest.slice(0, end));
      rest = rest.slice(end);
    }
    return rest;
  };
  const emit = (line: string): void => onLine(breakUp(lastVersion(line)));
  return {
    write(data) {
      const lines = (partialLine + decoder.decode(data, { stream: true })).split('\n');
      partialLine = lines.pop()!;
      for (const line of lines) emit(line);
      // A carriage return at the end may be half of a line break.
      if (partialLine.length > maxLength)
        partialLine = breakUp(partialLine.slice(partialLine.lastIndexOf('\r', partialLine.length - 2) + 1));
    },
    end() {
      partialLine += decoder.decode();
      if (partialLine !== '') emit(partialLine);
      partialLine = '';
    },
  };
}

/** A progress bar rewrites its line with carriage returns: only the last version counts, as in a terminal. */
function lastVersion(line: string): string {
  let end = line.length;
  while (line[end - 1] === '\r') end--;
  return line.slice(line.lastIndexOf('\r', end - 1) + 1, end);
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
