import { connect as open } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Endpoint } from './endpoint.ts';
import { startIdleTimer } from './timeouts.ts';

export interface ApiResponse {
  readonly status: number;
  readonly body: Buffer;
}

/** Makes a connection to an engine that only the docker client can reach (`docker system dial-stdio`). */
export type Dial = () => Duplex;

export interface GetOptions {
  /** Milliseconds without a byte after which the engine counts as hanging. */
  readonly idleTimeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * One GET, as HTTP/1.0 has it: the answer ends with the connection. To load Node's HTTP client takes half as long as all of a
 * run that has nothing to do. What comes must tell by itself whether it is whole, as JSON does.
 * @throws Silence; the signal's reason; what the connection fails with
 */
export async function httpGet(
  endpoint: Endpoint,
  dial: Dial,
  path: string,
  options: GetOptions,
): Promise<ApiResponse> {
  const request = `GET ${path} HTTP/1.0\r\nHost: docker\r\n\r\n`;
  const whole = await exchange(dialTo(endpoint, dial), request, options);
  const end = whole.indexOf('\r\n\r\n');
  const head = whole.toString('latin1', 0, Math.max(end, 0));
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
  if (status === undefined) throw new Error('what it said is no HTTP');
  if (/^transfer-encoding:/im.test(head)) throw new Error('its answer to HTTP/1.0 is one of HTTP/1.1');
  return { status: Number(status), body: whole.subarray(end + 4) };
}

function dialTo(endpoint: Endpoint, dial: Dial): Duplex {
  if (endpoint.kind === 'unix') return open(endpoint.path);
  if (endpoint.kind === 'tcp') return open(endpoint.port, endpoint.host);
  return dial();
}

async function exchange(
  stream: Duplex,
  text: string,
  { idleTimeoutMs, signal }: GetOptions,
): Promise<Buffer> {
  const silence = startIdleTimer(idleTimeoutMs, (error) => stream.destroy(error));
  const abort = (): void => void stream.destroy(signal!.reason);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  try {
    return await new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      stream.on('data', (data: Buffer) => {
        silence.heard();
        chunks.push(data);
      });
      stream.on('error', reject);
      stream.on('end', () => {
        stream.destroy();
        resolve(Buffer.concat(chunks));
      });
      stream.write(text);
    });
  } finally {
    silence.stop();
    signal?.removeEventListener('abort', abort);
  }
}
