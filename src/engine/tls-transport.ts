import { isIP } from 'node:net';
import { connect, createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { Transport } from '../buildkit/connect.ts';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import type { Endpoint } from './endpoint.ts';
import { readTlsFiles, readTrustStore } from './tls-files.ts';

type TlsEndpoint = Extract<Endpoint, { readonly kind: 'tls' }>;

/** Opens a TLS connection. `isHttp2`: HTTP/2 is asked for by ALPN. Otherwise nothing is asked for: old engines do not know ALPN. */
export type OpenTls = (isHttp2: boolean) => Transport;

/** Reads the certificates for an engine, and returns what connects with them. @throws TasksError exit 3 as `readTlsFiles` does */
export function tlsTransports({ host, port, tls }: TlsEndpoint, environment: Environment): OpenTls {
  const secureContext = makeContext(tls, environment);
  return (isHttp2) => {
    const socket = connect({
      host,
      port,
      secureContext,
      rejectUnauthorized: tls.verify,
      // An IP address is verified, but not sent (RFC 6066, 3).
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(isHttp2 ? { ALPNProtocols: ['h2'] } : {}),
    });
    return socket.setNoDelay();
  };
}

function makeContext(tls: TlsEndpoint['tls'], environment: Environment): SecureContext {
  const { ca, client } = readTlsFiles(tls);
  const trusted = tls.verify ? (ca ?? [...rootCertificates, ...readTrustStore(environment)]) : undefined;
  try {
    return createSecureContext({ ...(trusted === undefined ? {} : { ca: trusted }), ...client });
  } catch (error) {
    throw new TasksError(
      3,
      `cannot use the client certificate in ${tls.folder} for the docker engine: ${(error as Error).message}`,
      { hint: 'cert.pem and key.pem must belong together', cause: error },
    );
  }
}
