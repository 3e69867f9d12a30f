import { StringDecoder } from 'node:string_decoder';

/** Takes what a program writes apart into lines. */
export interface LineReader {
  write(data: Buffer): void;
  /** What was written last may have no line end. */
  end(): void;
}

export function createLineReader(onLine: (line: string) => void): LineReader {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  // Programs that draw progress bars return to the line's start: what stands last is what a person would see.
  const tell = (line: string): void => onLine(line.replace(/\r$/, '').replace(/^.*\r/, ''));
  return {
    write(data) {
      const text = decoder.write(data);
      if (!text.includes('\n')) {
        rest += text;
        return;
      }
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) tell(line);
    },
    end() {
      rest += decoder.end();
      if (rest !== '') tell(rest);
      rest = '';
    },
  };
}
