import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import type { TlsSettings } from './endpoint.ts';

/** What an engine is verified with, and what proves to it who we are. PEM. */
export interface TlsFiles {
  /** Undefined: the authorities that this machine trusts. */
  readonly ca: string | undefined;
  readonly client: { readonly cert: string; readonly key: string } | undefined;
}

/**
 * Reads `ca.pem`, `cert.pem` and `key.pem` of a folder. They are optional, except for `ca.pem` where the settings need it; a
 * certificate needs its key.
 * @throws TasksError exit 3 with the path of a file that is missing, cannot be read, or has other contents
 */
export function readTlsFiles({ folder, verify, needsCa }: TlsSettings): TlsFiles {
  if (folder === undefined) return { ca: undefined, client: undefined };
  const [caFile, certFile, keyFile] = ['ca.pem', 'cert.pem', 'key.pem'].map((name) =>
    path.join(folder, name),
  ) as [string, string, string];
  const ca = verify ? readIfThere(caFile) : undefined;
  if (ca === undefined && needsCa) {
    throw new TasksError(
      3,
      `DOCKER_TLS_VERIFY is set, but the engine's certificate authority is missing: ${caFile}`,
      {
        hint: 'set DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem',
      },
    );
  }
  if (ca !== undefined) requireCertificates(ca, caFile);
  const [cert, key] = [readIfThere(certFile), readIfThere(keyFile)];
  if (cert === undefined && key === undefined) return { ca, client: undefined };
  if (cert === undefined || key === undefined) {
    const [missing, present] = cert === undefined ? [certFile, keyFile] : [keyFile, certFile];
    throw new TasksError(3, `cannot use ${present} for the docker engine: ${missing} is missing`, {
      hint: `add the missing file, or remove ${path.basename(present)} if the engine needs no client certificate`,
    });
  }
  requireCertificates(cert, certFile);
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key)) throw wrongContents(keyFile, 'a private key in PEM');
  if (/BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(key))
    throw wrongContents(keyFile, 'a private key without a passphrase');
  return { ca, client: { cert, key } };
}

/** Where Linux distributions and macOS keep the authorities that the machine trusts (Go crypto/x509/root_linux.go). */
const trustStores = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** Returns the certificate authorities that docker's client would trust, besides those that Node has itself. */
export function readTrustStore({ SSL_CERT_FILE }: Environment): string[] {
  const file = SSL_CERT_FILE || trustStores.find((candidate) => existsSync(candidate));
  const text = file === undefined ? undefined : readIfThere(file);
  return text === undefined ? [] : [text];
}

/** Node ignores authorities that it cannot parse. */
function requireCertificates(text: string, file: string): void {
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    if (certificates.length === 0) throw new Error('it contains no certificate');
    for (const certificate of certificates) new X509Certificate(certificate);
  } catch (error) {
    throw wrongContents(file, 'certificates in PEM', error);
  }
}

function wrongContents(file: string, expected: string, cause?: unknown): TasksError {
  return new TasksError(3, `cannot use ${file} for the docker engine: expected ${expected}`, { cause });
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new TasksError(
      3,
      `cannot read ${file} for the docker engine: ${(error as NodeJS.ErrnoException).code}`,
      { cause: error },
    );
  }
}
