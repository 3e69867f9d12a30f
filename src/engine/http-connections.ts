import { Agent, type ClientRequest, type RequestOptions } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Transport } from '../buildkit/connect.ts';
import type { Dial } from './transport.ts';

/** The options by which Node's HTTP client gets its connections. */
export type ConnectionOptions = Pick<RequestOptions, 'agent' | 'createConnection'>;

type Create = NonNullable<RequestOptions['createConnection']>;
type Connected = Parameters<Create>[1];

/** Opens a connection for each request. Node uses `createConnection` only if no agent is given, not even `false`. */
export function connectionPerRequest(dial: Dial): ConnectionOptions {
  return { createConnection: (_options, connected) => connectBy(dial, connected) };
}

/** Keeps connections for further requests, where each costs a process and a login. */
export function reusedConnections(dial: Dial): ConnectionOptions {
  return { agent: new ReusingAgent(dial) };
}

function connectBy(dial: Dial, connected: Connected | undefined): undefined {
  dial().then(
    (transport) => connected?.(null, transport),
    // An error comes without a connection, whatever the type says.
    (error: Error) => connected?.(error, undefined as never),
  );
}

/** How many connections are kept for requests to come. */
const maxFreeSockets = 8;

class ReusingAgent extends Agent {
  readonly #dial: Dial;

  constructor(dial: Dial) {
    super({ keepAlive: true, maxFreeSockets });
    this.#dial = dial;
  }

  override createConnection(_options: object, connected?: Connected): undefined {
    return connectBy(this.#dial, connected);
  }

  /** Called when a connection becomes free. It does not keep this process running. */
  override keepSocketAlive(transport: Duplex): boolean {
    (transport as Transport).unref();
    return true;
  }

  override reuseSocket(transport: Duplex, request: ClientRequest): void {
    super.reuseSocket(transport, request);
    (transport as Transport).ref();
  }
}
