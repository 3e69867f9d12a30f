import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What happens to a request. A number: the proxy responds with that status; the registry does not get the request. `reset`:
 * the connection is closed before the registry gets it. `midway`: the connection is closed in the middle of the response.
 * `lost`: the registry processes it, but the connection is closed without a response. `truncated`: half of the response is
 * sent as if it was complete. `hang`: it waits until `release`. `late`: the registry processes it, and the response waits until
 * `release`.
 */
export type Fault =
  | 401
  | 403
  | 404
  | 429
  | 500
  | 503
  | 'reset'
  | 'midway'
  | 'lost'
  | 'truncated'
  | 'hang'
  | 'late';

export interface ProxiedRequest {
  readonly method: string;
  /** Includes the query. */
  readonly path: string;
  /** The User-Agent, to recognize docker's engine. */
  readonly agent: string;
  readonly fault?: Fault;
}

export interface FaultProxy {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** All requests in order. */
  readonly requests: readonly ProxiedRequest[];
  /**
   * Adds a fault for the `nth` request from now (from 1) whose `METHOD path` matches, and with `forever` for each one after it.
   * If several faults apply to a request, the last one added wins.
   */
  fail(matching: RegExp, fault: Fault, when?: { readonly nth?: number; readonly forever?: boolean }): void;
  /** Removes all faults and the log of requests, and releases hanging requests. */
  clear(): void;
  /** Continues hanging requests. */
  release(): void;
  /** Resolves when this many requests hang. */
  waitForHanging(count: number): Promise<void>;
  /** Forwards requests to another registry from now on. */
  setTarget(host: string): void;
  stop(): Promise<void>;
}

interface PlannedFault {
  readonly matching: RegExp;
  readonly fault: Fault;
  readonly nth: number;
  readonly forever: boolean;
  seen: number;
}

/** Starts a proxy on loopback for a registry that responds with relative URLs, as support/registry.ts does. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  let registry = target;
  let planned: PlannedFault[] = [];
  const requests: ProxiedRequest[] = [];
  let hung: (() => void)[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const choose = (line: string): Fault | undefined => {
    let fault: Fault | undefined;
    for (const each of planned) {
      if (!each.matching.test(line)) continue;
      each.seen++;
      if (each.seen === each.nth || (each.forever && each.seen > each.nth)) fault = each.fault;
    }
    return fault;
  };
  const hang = async (): Promise<void> =>
    await new Promise((resolve) => {
      hung.push(resolve);
      for (const { count, resolve: notify } of waiting) if (hung.length >= count) notify();
    });
  const server = http.createServer(async (request, response) => {
    const [method, path] = [request.method!, request.url!];
    const fault = choose(`${method} ${path}`);
    const agent = request.headers['user-agent'] ?? '';
    requests.push({ method, path, agent, ...(fault !== undefined ? { fault } : {}) });
    if (fault === 'reset') return void request.socket.destroy();
    if (typeof fault === 'number') return respond(request, response, fault);
    if (fault === 'hang') {
      await hang();
      // The client has closed the connection.
      if (response.destroyed) return;
    }
    forward(registry, request, response, fault, hang);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: FaultProxy = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    fail(matching, fault, { nth = 1, forever = false } = {}) {
      planned.push({ matching, fault, nth, forever, seen: 0 });
    },
    clear() {
      planned = [];
      requests.length = 0;
      proxy.release();
    },
    release() {
      for (const resume of hung) resume();
      hung = [];
    },
    waitForHanging: (count) =>
      hung.length >= count ? Promise.resolve() : new Promise((resolve) => waiting.push({ count, resolve })),
    setTarget(host) {
      registry = host;
    },
    async stop() {
      proxy.release();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

function respond(request: IncomingMessage, response: ServerResponse, status: number): void {
  // Read the whole request first; otherwise a client that is still sending would see a reset instead of the response.
  request.resume().on('end', () => {
    const headers = { 'content-type': 'application/json', ...(status > 404 ? { 'retry-after': '0' } : {}) };
    response.writeHead(status, headers).end('{"errors":[{"code":"INJECTED","message":"by a test"}]}');
  });
}

function forward(
  target: string,
  request: IncomingMessage,
  response: ServerResponse,
  fault: Fault | undefined,
  hang: () => Promise<void>,
): void {
  const [hostname, port] = target.split(':');
  const onward = http.request(
    {
      hostname,
      port,
      agent: false,
      method: request.method!,
      path: request.url!,
      headers: { ...request.headers, host: target, connection: 'close' },
    },
    (incoming) => {
      if (fault === undefined || fault === 'hang') {
        response.writeHead(incoming.statusCode!, incoming.headers);
        incoming.pipe(response);
      } else void spoil(incoming, response, fault, hang);
    },
  );
  // If the registry is down, close the connection.
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}

async function spoil(
  incoming: IncomingMessage,
  response: ServerResponse,
  fault: Fault,
  hang: () => Promise<void>,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const half = body.subarray(0, Math.floor(body.length / 2));
  if (fault === 'late') {
    await hang();
    response.writeHead(incoming.statusCode!, incoming.headers);
    return void response.end(body);
  }
  if (fault === 'lost' || (fault === 'midway' && body.length < 2)) return void response.destroy();
  if (fault === 'midway') {
    response.writeHead(incoming.statusCode!, incoming.headers);
    response.write(half, () => response.destroy());
  } else {
    const { 'content-length': length, ...headers } = incoming.headers;
    const isHead = body.length === 0 && length !== undefined;
    response.writeHead(
      incoming.statusCode!,
      isHead ? incoming.headers : { ...headers, 'content-length': half.length },
    );
    response.end(half);
  }
}
