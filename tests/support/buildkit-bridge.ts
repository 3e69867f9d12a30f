import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { upgradeToH2c } from '../../src/buildkit/upgrade.ts';

/** A running bridge. */
export interface Bridge {
  /** The port, if it has one. */
  readonly port: number;
  close(): void;
}

/**
 * Starts a server that passes connections on to the BuildKit of a docker engine: clients take it for a buildkitd. `listen` is a
 * path, or a port of the loopback interface.
 */
export async function startBridge(engineSocket: string, listen: string | number): Promise<Bridge> {
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    const engine = connect(engineSocket);
    clients.add(client);
    client.on('error', () => engine.destroy());
    engine.on('error', () => client.destroy());
    client.on('close', () => engine.destroy());
    client.pause();
    upgradeToH2c(engine, '/grpc').then(
      () => void client.pipe(engine).pipe(client),
      () => client.destroy(),
    );
  });
  if (typeof listen === 'string') server.listen(listen);
  else server.listen(listen, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      for (const client of clients) client.destroy();
    },
  };
}
