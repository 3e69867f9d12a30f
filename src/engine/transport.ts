import { connect } from 'node:net';
import type { Entry, Transport } from '../buildkit/connect.ts';
import type { Environment } from '../model/environment.ts';
import type { Endpoint } from './endpoint.ts';
import { sshArguments } from './ssh-address.ts';
import { openStdio } from './stdio-transport.ts';
import type { OpenTls } from './tls-transport.ts';

/**
 * Opens a connection to an engine, for its own API, or for BuildKit by an entry. Errors of the connection itself are events of the
 * transport.
 * @throws TasksError exit 3 for certificates that cannot be used
 */
export type Dial = (entry?: Entry) => Promise<Transport>;

/** Returns a function that opens connections to an engine. The environment is that of `ssh`. */
export function dialerOf(endpoint: Endpoint, environment: Environment): Dial {
  let openTls: Promise<OpenTls> | undefined;
  return async (entry) => {
    switch (endpoint.kind) {
      case 'unix':
        return connect(endpoint.path);
      case 'tcp':
        return connect({ host: endpoint.host, port: endpoint.port, noDelay: true });
      case 'ssh':
        return openStdio('ssh', sshArguments(endpoint.target), environment);
      case 'tls': {
        // Loaded on first use only: it takes a millisecond.
        openTls ??= import('./tls-transport.ts').then(({ tlsTransports }) =>
          tlsTransports(endpoint, environment),
        );
        return (await openTls)(entry === 'direct');
      }
    }
  };
}
