import type { Duplex } from 'node:stream';

/** No answer to an upgrade has a longer head. */
const maxHeadLength = 64 << 10;
const headEnd = '\r\n\r\n';

/** A server answered something else than an upgrade. */
export class UpgradeRefused extends Error {
  override readonly name = 'UpgradeRefused';
  /** The HTTP status, for example `403`. Undefined if the answer was not HTTP. */
  readonly status: number | undefined;
  /** The name in the header `Server`: docker engines call themselves `Docker/26.1.5 (linux)`. */
  readonly server: string | undefined;

  /** The beginning of the body. */
  readonly body: string;

  constructor(path: string, head: string, body: string) {
    const line = head.split('\r\n')[0] ?? '';
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(line)?.[1];
    super(`POST ${path}: ${status === undefined ? 'no HTTP response' : line.replace(/^\S+ /, '')}`);
    this.status = status === undefined ? undefined : Number(status);
    this.body = body;
    this.server = /^server: *(.*)$/im.exec(head)?.[1]?.trim();
  }
}

/** Names and values of HTTP headers; a name may come more than once. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/**
 * Asks an HTTP/1.1 server to continue with HTTP/2 on the stream (docker engine API, `POST /grpc` and `POST /session`). Afterwards the
 * stream is paused at the first byte of HTTP/2. Written by hand, because loading node:http takes as long as a whole cached build.
 * @throws UpgradeRefused; Error if the stream ends
 */
export function upgradeToH2c(stream: Duplex, path: string, headers: HeaderList = []): Promise<void> {
  const lines = [
    `POST ${path} HTTP/1.1`,
    'Host: docker',
    'Connection: Upgrade',
    'Upgrade: h2c',
    'Content-Length: 0',
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  stream.write(`${lines.join('\r\n')}${headEnd}`);
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const settle = (action: () => void): void => {
      stream.off('data', onData);
      stream.off('error', onError);
      stream.off('close', onClose);
      stream.pause();
      action();
    };
    const onData = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf(headEnd);
      if (end < 0 && received.length <= maxHeadLength) return;
      const head = received.toString('latin1', 0, Math.max(end, 0));
      const rest = received.subarray(end + headEnd.length);
      if (/^HTTP\/1\.[01] 101\b/.test(head)) {
        settle(() => {
          if (rest.length > 0) stream.unshift(rest);
          resolve();
        });
      } else settle(() => reject(new UpgradeRefused(path, head, rest.toString('utf8'))));
    };
    const onError = (error: Error): void => settle(() => reject(error));
    const onClose = (): void => settle(() => reject(new Error(`POST ${path}: the connection was closed`)));
    stream.on('data', onData);
    stream.on('error', onError);
    stream.on('close', onClose);
  });
}
