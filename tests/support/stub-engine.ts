import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createSilentServer, type Server as SilentServer, type Socket } from 'node:net';
import path from 'node:path';
import { tempFolder } from './temp.ts';

/** A request that the stub engine received. */
export interface StubRequest {
  readonly method: string;
  /** With the query string. */
  readonly url: string;
  readonly body: string;
}

export interface StubResponse {
  readonly status?: number;
  /** A string is sent unchanged, other values as JSON. */
  readonly body?: unknown;
}

export interface StubEngine {
  readonly env: { readonly DOCKER_HOST: string };
  readonly requests: StubRequest[];
  close(): void;
}

/** Starts an engine whose responses come from `respond`; if that returns undefined, the request never gets a response. */
export async function stubEngine(
  respond: (request: StubRequest) => StubResponse | undefined | Promise<StubResponse | undefined>,
): Promise<StubEngine> {
  const socket = path.join(tempFolder(), 's');
  const requests: StubRequest[] = [];
  const server: Server = createServer((request, response) => {
    void (async () => {
      const received = { method: request.method ?? '', url: request.url ?? '', body: await textOf(request) };
      requests.push(received);
      const sent = await respond(received);
      if (sent === undefined) return;
      const { status = 200, body = '' } = sent;
      response.writeHead(status, { connection: 'close' });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    })();
  });
  server.listen(socket);
  await once(server, 'listening');
  return {
    env: { DOCKER_HOST: `unix://${socket}` },
    requests: requests,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Starts an engine that accepts connections but never responds. */
export async function silentEngine(): Promise<StubEngine & { readonly sockets: Set<Socket> }> {
  const socket = path.join(tempFolder(), 's');
  const sockets = new Set<Socket>();
  const server: SilentServer = createSilentServer((connection) => {
    sockets.add(connection);
    connection.on('error', () => undefined);
    connection.on('close', () => sockets.delete(connection));
    connection.resume();
  });
  server.listen(socket);
  await once(server, 'listening');
  return {
    env: { DOCKER_HOST: `unix://${socket}` },
    requests: [],
    sockets,
    close: () => {
      server.close();
      for (const connection of sockets) connection.destroy();
    },
  };
}
