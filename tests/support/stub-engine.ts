import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createSilentServer, type Server as SilentServer, type Socket } from 'node:net';
import path from 'node:path';
import { tempFolder, writeFiles } from './temp.ts';

export interface StubRequest {
  readonly method: string;
  /** With its query. */
  readonly url: string;
  readonly body: string;
}

export interface StubResponse {
  readonly status?: number;
  /** Sent as JSON, or, a text, as it is. */
  readonly body?: unknown;
}

export interface StubEngine {
  readonly env: { readonly DOCKER_HOST: string };
  readonly requests: StubRequest[];
  close(): void;
}

/** An engine that answers as it is told to; undefined: never. What nobody speaks of is 404. */
export async function stubEngine(
  answer: (request: StubRequest) => StubResponse | undefined | Promise<StubResponse | undefined>,
): Promise<StubEngine> {
  const socket = path.join(tempFolder(), 's');
  const requests: StubRequest[] = [];
  const server: Server = createServer((request, response) => {
    void (async () => {
      const one = { method: request.method ?? '', url: request.url ?? '', body: await textOf(request) };
      requests.push(one);
      const given = await answer(one);
      if (given === undefined) return;
      const { status = 200, body = '' } = given;
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

/** An engine that takes connections and says nothing. */
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
      for (const each of sockets) each.destroy();
    },
  };
}

/**
 * A docker client in place of the real one: `build` notes its arguments and environment in `<folder>/args` and `<folder>/env`,
 * then does what `script` says; `dial-stdio` does what `dial` says.
 */
export function stubClient({ version = '26.1.5', script = '', dial = 'exit 1' } = {}): {
  readonly file: string;
  readonly folder: string;
} {
  const folder = tempFolder();
  const text = `#!/bin/sh
case "$1 $2" in
  version*) echo "${version}"; echo "$DOCKER_HOST" > '${folder}/host'; exit 1 ;;
  "buildx version") echo "github.com/docker/buildx v0.13.1 abc" ;;
  "system dial-stdio") ${dial} ;;
  build*)
    env > '${folder}/env'
    for each in "$@"; do
      echo "$each" >> '${folder}/args'
      case "$each" in
        --metadata-file=*) metadata="\${each#*=}" ;;
        --iidfile=*) iid="\${each#*=}" ;;
      esac
    done
    ${script} ;;
esac
`;
  writeFiles(folder, { 'docker*': text });
  return { file: path.join(folder, 'docker'), folder };
}
