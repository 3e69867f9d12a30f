import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What befalls a request. A number: that status, the registry never sees it. `reset`: the connection ends before. `midway`:
 * it ends in the middle of the answer. `lost`: the registry has done it, the answer never comes. `truncated`: the answer
 * ends early, and nothing says so. `hang`: nothing happens until `release`. `late`: the registry has done it, the answer comes
 * at `release`.
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
  /** With its query. */
  readonly path: string;
  /** Who asks, as it calls itself: docker's engine says so. */
  readonly agent: string;
  readonly fault?: Fault;
}

export interface FaultProxy {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Every request that came, in order. */
  readonly requests: readonly ProxiedRequest[];
  /**
   * From now on the `nth` request (from 1) whose `METHOD path` matches meets a fault, or that one and each after it
   * (`forever`). The last wish that fits a request is taken.
   */
  fail(matching: RegExp, fault: Fault, when?: { readonly nth?: number; readonly forever?: boolean }): void;
  /** No more faults, and no requests remembered; what hangs goes on. */
  clear(): void;
  /** Lets what hangs go on to the registry. */
  release(): void;
  /** Resolves when so many requests hang. */
  waitForHanging(count: number): Promise<void>;
  /** Leads to another registry from now on. */
  setTarget(host: string): void;
  stop(): Promise<void>;
}

interface Wish {
  readonly matching: RegExp;
  readonly fault: Fault;
  readonly nth: number;
  readonly forever: boolean;
  seen: number;
}

/** A proxy on loopback in front of a registry that answers with relative addresses (support/registry.ts does). */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  let registry = target;
  let wishes: Wish[] = [];
  const requests: ProxiedRequest[] = [];
  let hung: (() => void)[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const choose = (line: string): Fault | undefined => {
    let fault: Fault | undefined;
    for (const wish of wishes) {
      if (!wish.matching.test(line)) continue;
      wish.seen++;
      if (wish.seen === wish.nth || (wish.forever && wish.seen > wish.nth)) fault = wish.fault;
    }
    return fault;
  };
  const hang = async (): Promise<void> =>
    await new Promise((resolve) => {
      hung.push(resolve);
      for (const { count, resolve: tell } of waiting) if (hung.length >= count) tell();
    });
  const server = http.createServer(async (request, response) => {
    const [method, path] = [request.method!, request.url!];
    const fault = choose(`${method} ${path}`);
    const agent = request.headers['user-agent'] ?? '';
    requests.push({ method, path, agent, ...(fault !== undefined ? { fault } : {}) });
    if (fault === 'reset') return void request.socket.destroy();
    if (typeof fault === 'number') return answer(request, response, fault);
    if (fault === 'hang') {
      await hang();
      // Whoever sent it is gone, and the rest of it with it.
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
      wishes.push({ matching, fault, nth, forever, seen: 0 });
    },
    clear() {
      wishes = [];
      requests.length = 0;
      proxy.release();
    },
    release() {
      for (const go of hung) go();
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

function answer(request: IncomingMessage, response: ServerResponse, status: number): void {
  // Whoever still sends would see a reset in place of the answer.
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
  // A registry that is gone is a connection that ends.
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
