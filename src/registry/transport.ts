import http from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream/promises';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { RegistryError } from '../model/registry.ts';
import type { Network } from './network.ts';

/** A request to send, without retries. */
export interface OutgoingRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A stream is read only as fast as the server accepts it. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
}

/** A response whose body has not been read yet. */
export interface IncomingResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AsyncIterable<Uint8Array>;
  /** Closes the response without reading the rest of its body. */
  cancel(): void;
}

const agentOptions = { keepAlive: true, maxFreeSockets: 16 };

/** Returns a function that sends requests over reused connections, directly or through proxies. */
export function openTransport(
  network: Network,
): (outgoing: OutgoingRequest, signal: AbortSignal) => Promise<IncomingResponse> {
  const direct = { 'http:': new http.Agent(agentOptions), 'https:': new https.Agent(agentOptions) };
  const proxied = new Map<string, http.Agent>();
  const agentFor = (url: URL): http.Agent => {
    const proxy = network.proxyFor(url);
    if (proxy === undefined) return direct[url.protocol as keyof typeof direct];
    const name = `${url.protocol} ${proxy.href}`;
    const { ca } = network.tlsOptionsFor(proxy.host);
    const options = { ...agentOptions, ...(ca !== undefined ? { ca: [...ca] } : {}) };
    const found =
      proxied.get(name) ??
      (url.protocol === 'https:' ? new HttpsProxyAgent(proxy, options) : new HttpProxyAgent(proxy, options));
    proxied.set(name, found);
    return found;
  };
  return async ({ method, url, headers, body }, signal) => {
    const target = new URL(url);
    const { ca, ...security } = target.protocol === 'https:' ? network.tlsOptionsFor(target.host) : {};
    const agent = agentFor(target);
    const proxy = network.proxyFor(target);
    const { request } = target.protocol === 'https:' ? https : http;
    return await new Promise((resolve, reject) => {
      const fail = (error: unknown): void => reject(signal.aborted ? signal.reason : error);
      const outgoing = request(target, {
        method,
        headers: { 'user-agent': 'image-tasks (node)', ...headers, ...lengthOf(body, method) },
        signal,
        agent,
        ...security,
        ...(ca !== undefined ? { ca: [...ca] } : {}),
      });
      outgoing.on('error', fail);
      // A proxy's error must not be taken for the registry's response.
      outgoing.on('proxyConnect', ({ statusCode }: { statusCode: number }) => {
        if (statusCode !== 200) outgoing.destroy(refusedBy(proxy!, statusCode));
      });
      outgoing.on('response', (incoming) => {
        const { statusCode: status = 0 } = incoming;
        if (proxy !== undefined && status === 407) return void outgoing.destroy(refusedBy(proxy, status));
        incoming.on('error', () => undefined);
        resolve({
          status,
          headers: headersOf(incoming),
          body: readable(incoming, signal),
          cancel: () => void incoming.destroy(),
        });
      });
      if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) outgoing.end(body);
      // If an error response comes before the whole body is sent, the promise is resolved already and `fail` has no effect.
      else pipeline(body, outgoing).catch(fail);
    });
  };
}

function refusedBy(proxy: URL, status: number): RegistryError {
  const what = status === 407 ? 'requires authentication' : 'refused the connection';
  return new RegistryError('unreachable', `the proxy ${proxy.host} ${what} (${status})`, {
    hint:
      status === 407
        ? 'add the user name and password to its URL: http://user:password@host:port'
        : 'check HTTPS_PROXY, HTTP_PROXY and NO_PROXY',
  });
}

function lengthOf(body: OutgoingRequest['body'], method: string): Record<string, string> {
  if (typeof body === 'string' || body instanceof Uint8Array)
    return { 'content-length': String(Buffer.byteLength(body)) };
  return body === undefined && method !== 'GET' && method !== 'HEAD' ? { 'content-length': '0' } : {};
}

function headersOf({ rawHeaders }: http.IncomingMessage): Headers {
  const headers = new Headers();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) headers.append(rawHeaders[at]!, rawHeaders[at + 1]!);
  return headers;
}

async function* readable(incoming: http.IncomingMessage, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of incoming) yield chunk as Buffer;
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
}
