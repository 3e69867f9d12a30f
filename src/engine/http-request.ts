import type { Transport } from '../buildkit/connect.ts';
import { startIdleTimer } from './timeouts.ts';
import type { Dial } from './transport.ts';

/** A response of the Engine API. */
export interface ApiResponse {
  readonly status: number;
  readonly body: Buffer;
}

export interface RequestOptions {
  /** Milliseconds without a byte after which the request fails. */
  readonly idleTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sends a request without a body as HTTP/1.0, where the end of the connection ends the response. This avoids loading Node's HTTP client,
 * which takes half as long as a whole run with nothing to do. A truncated response is not detected here: the body's format
 * must show it, as JSON does.
 * @throws IdleTimeoutError; the signal's reason; any error of the connection
 */
export async function httpRequest(
  dial: Dial,
  method: 'GET' | 'POST',
  path: string,
  options: RequestOptions,
): Promise<ApiResponse> {
  const length = method === 'GET' ? '' : 'Content-Length: 0\r\n';
  const request = `${method} ${path} HTTP/1.0\r\nHost: docker\r\n${length}\r\n`;
  const response = await exchange(await dial(), request, options);
  if (response.length === 0) throw new Error('the connection was closed without a response');
  const headEnd = response.indexOf('\r\n\r\n');
  const head = response.toString('latin1', 0, Math.max(headEnd, 0));
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
  if (status === undefined) throw new Error('the response is not HTTP');
  if (/^transfer-encoding:/im.test(head))
    throw new Error('the response to an HTTP/1.0 request uses HTTP/1.1 chunks');
  return { status: Number(status), body: response.subarray(headEnd + 4) };
}

/** Sends a request and returns everything received until the connection ends. */
async function exchange(
  stream: Transport,
  request: string,
  { idleTimeoutMs, signal }: RequestOptions,
): Promise<Buffer> {
  const idleTimer = startIdleTimer(idleTimeoutMs, (error) => stream.destroy(error));
  const abort = (): void => void stream.destroy(signal!.reason);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  try {
    return await new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      stream.on('data', (data: Buffer) => {
        idleTimer.reset();
        chunks.push(data);
      });
      stream.on('end', () => stream.destroy());
      // An error comes before `close`, but maybe after `end`: a TLS server that ends the handshake.
      stream.on('error', reject);
      stream.on('close', () => resolve(Buffer.concat(chunks)));
      stream.write(request);
    });
  } finally {
    idleTimer.stop();
    signal?.removeEventListener('abort', abort);
  }
}
