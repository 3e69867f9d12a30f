import http from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream/promises';

/** How much of an answer to what was sent is read. */
const answerLimit = 1 << 20;

/**
 * Sends a body as it comes, as fast as it is taken. `fetch` would keep all of it, for a redirect that may follow (Node's
 * undici clones requests).
 */
export async function sendStream(
  { method, url, headers }: { method: string; url: string; headers: Readonly<Record<string, string>> },
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Response> {
  return await new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(signal.aborted ? signal.reason : error);
    const { request } = url.startsWith('https:') ? https : http;
    const outgoing = request(url, { method, headers, signal, agent: false });
    outgoing.on('error', fail);
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      incoming.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= answerLimit) chunks.push(chunk);
      });
      incoming.on('error', fail);
      incoming.on('end', () => resolve(asResponse(incoming, Buffer.concat(chunks))));
    });
    // An answer that comes early, a refusal, is an answer all the same: what fails after it changes nothing.
    pipeline(body, outgoing).catch(fail);
  });
}

function asResponse({ statusCode: status = 0, headers }: http.IncomingMessage, body: Buffer): Response {
  const pairs = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  return new Response(body.length === 0 ? null : body, { status, headers: pairs });
}
