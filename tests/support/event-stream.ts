import http from 'node:http';

export interface StreamMessage {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** A stream of server-sent events. */
export interface EventStream {
  /** Returns the next message; rejects if the stream ends without one. */
  next(): Promise<StreamMessage>;
  /** Resolves when the server ends the stream. */
  readonly ended: Promise<true>;
  close(): void;
}

/** Connects to a URL that sends server-sent events. */
export function openEventStream(url: string, headers: Record<string, string> = {}): Promise<EventStream> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { headers }, (response) => {
      const messages: StreamMessage[] = [];
      const waiting: { resolve(message: StreamMessage): void; reject(error: Error): void }[] = [];
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
        const blocks = text.split('\n\n');
        text = blocks.pop()!;
        for (const message of blocks.flatMap(parse)) {
          const next = waiting.shift();
          if (next === undefined) messages.push(message);
          else next.resolve(message);
        }
      });
      response.on('error', () => undefined);
      const ended = new Promise<true>((done) => {
        response.on('close', () => {
          for (const next of waiting) next.reject(new Error('the stream ended'));
          done(true);
        });
      });
      resolve({
        next: () => {
          const message = messages.shift();
          if (message !== undefined) return Promise.resolve(message);
          return new Promise((next, fail) => waiting.push({ resolve: next, reject: fail }));
        },
        ended,
        close: () => request.destroy(),
      });
    });
    request.on('error', reject);
  });
}

/** Parses a block of lines. A block without data, such as a comment, is not a message. */
function parse(block: string): StreamMessage[] {
  const fields = new Map(
    block
      .split('\n')
      .filter((line) => !line.startsWith(':'))
      .map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 1).trimStart()] as const;
      }),
  );
  if (!fields.has('data')) return [];
  return [{ id: fields.get('id') ?? '', event: fields.get('event') ?? 'message', data: fields.get('data')! }];
}
