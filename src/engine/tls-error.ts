import { X509Certificate } from 'node:crypto';
import path from 'node:path';
import type { TlsSettings } from './endpoint.ts';
import { readTlsFiles } from './tls-files.ts';

/** What is wrong with a TLS connection, and what to do. */
export interface TlsProblem {
  readonly message: string;
  readonly hint: string;
}

/** Returns what an error of a TLS connection means; undefined if it has nothing to do with TLS. */
export function explainTlsError(error: Error, settings: TlsSettings): TlsProblem | undefined {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const ca = settings.folder === undefined ? 'ca.pem' : path.join(settings.folder, 'ca.pem');
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return {
      message: `its certificate is for another name. ${message.replace(/^[^:]*: /, '')}`,
      hint: 'connect by a name that the certificate has, or issue a certificate with this name',
    };
  }
  if (code === 'CERT_HAS_EXPIRED') {
    return {
      message: 'its certificate, or the authority that signed it, has expired',
      hint: "renew the engine's certificate",
    };
  }
  if (code === 'CERT_NOT_YET_VALID') {
    return { message: 'its certificate is not valid yet', hint: 'check the clock of this machine' };
  }
  if (/SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY|CERT_SIGNATURE_FAILURE/.test(code)) {
    return {
      message: `its certificate is not signed by an authority that is trusted here (${message})`,
      hint: `use the engine's own authority as ${ca}`,
    };
  }
  // For example "error:0A00010B:SSL routines:ssl3_get_record:wrong version number:…". The code may only be EPROTO.
  const reason = /SSL routines:[^:]*:([^:]+)/.exec(message)?.[1];
  if (/^(wrong version number|packet length too long|http request|record.*overflow)/.test(reason ?? '')) {
    return {
      message: 'it does not use TLS on this port',
      hint: 'check the port; unset DOCKER_TLS and DOCKER_TLS_VERIFY for an engine without TLS',
    };
  }
  if (reason !== undefined) return refusal(reason, settings);
  // Some servers close the connection without an alert: during the handshake, or after it in TLS 1.3.
  if (/before secure TLS connection|socket hang up|closed without a response/.test(message))
    return refusal('the connection was closed without a response', settings);
  return undefined;
}

/** The engine refuses us, mostly by an alert that OpenSSL names like this: "tlsv13 alert certificate required". */
function refusal(reason: string, settings: TlsSettings): TlsProblem {
  const { client } = readTlsFiles(settings);
  if (client === undefined) {
    return {
      message: `it refuses the connection, which has no client certificate (${reason})`,
      hint: 'add cert.pem and key.pem, signed by the authority that the engine trusts, to DOCKER_CERT_PATH or to the docker context',
    };
  }
  const file = path.join(settings.folder!, 'cert.pem');
  const { validTo } = new X509Certificate(client.cert);
  if (new Date(validTo) < new Date()) {
    return {
      message: `the client certificate ${file} expired on ${validTo} (${reason})`,
      hint: 'renew the client certificate',
    };
  }
  return {
    message: `it refuses the connection with the client certificate ${file} (${reason})`,
    hint: 'the authority that the engine trusts must have signed the client certificate',
  };
}
