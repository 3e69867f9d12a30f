import { closeSync, constants, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { isLogOpen } from '../cache/logs.ts';
import type { Clock } from '../model/ports.ts';

/** Milliseconds between two looks at a log. */
const pollMs = 200;

/**
 * Calls `write` with all whole lines of a log, those that are still to come included, until the process that writes it has closed
 * it or has ended. An incomplete last line is written at the end. `file`: absolute. @throws the signal's reason
 */
export async function followLog(
  file: string,
  write: (text: string) => void,
  { sleep }: Pick<Clock, 'sleep'>,
  signal: AbortSignal,
): Promise<void> {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const decoder = new StringDecoder('utf8');
    let rest = '';
    for (;;) {
      // Asked first: what is written before it is closed is read.
      const isLast = !isLogOpen(file);
      for (const bytes of newBytes(descriptor)) {
        const text = rest + decoder.write(bytes);
        const end = text.lastIndexOf('\n') + 1;
        if (end > 0) write(text.slice(0, end));
        rest = text.slice(end);
      }
      if (isLast) break;
      await sleep(pollMs, signal);
    }
    rest += decoder.end();
    if (rest !== '') write(`${rest}\n`);
  } finally {
    closeSync(descriptor);
  }
}

function* newBytes(descriptor: number): Generator<Buffer> {
  for (;;) {
    const buffer = Buffer.alloc(65_536);
    const count = readSync(descriptor, buffer);
    if (count === 0) return;
    yield buffer.subarray(0, count);
  }
}
