import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import type { Endpoint } from '../../src/engine/endpoint.ts';
import { tempFolder } from './temp.ts';

/** A socket that forwards to an engine. */
export interface EngineProxy {
  readonly env: { readonly DOCKER_HOST: string };
  /** Called when a client connects to BuildKit; the connection waits for it. */
  beforeBuild: (() => Promise<void>) | undefined;
  /** Ends all connections, and accepts no more. */
  close(): void;
}

/** Starts a proxy for an engine on a unix socket or TCP. */
export async function startEngineProxy(endpoint: Endpoint): Promise<EngineProxy> {
  const sockets = new Set<Socket>();
  const forward = async (client: Socket, first: Buffer): Promise<void> => {
    const start = first.toString('latin1', 0, 10);
    if (/^(POST \/grpc|PRI )/.test(start)) await proxy.beforeBuild?.();
    const engine =
      endpoint.kind === 'tcp'
        ? connect(endpoint.port, endpoint.host)
        : connect(endpoint.kind === 'unix' ? endpoint.path : '');
    sockets.add(engine);
    engine.on('error', () => client.destroy());
    client.on('error', () => engine.destroy());
    // What the engine sent last may not have left yet.
    engine.on('close', (hasFailed) => (hasFailed ? client.destroy() : client.end()));
    client.on('close', () => engine.destroy());
    engine.write(first);
    client.pipe(engine).pipe(client);
  };
  const server = createServer((client) => {
    sockets.add(client);
    client.once('data', (first: Buffer) => {
      client.pause();
      void forward(client, first);
    });
  });
  const file = path.join(tempFolder(), 's');
  server.listen(file);
  await once(server, 'listening');
  const proxy: EngineProxy = {
    env: { DOCKER_HOST: `unix://${file}` },
    beforeBuild: undefined,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return proxy;
}
