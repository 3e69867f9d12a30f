import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { rootCertificates } from 'node:tls';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';

/** The CA certificates to trust for a registry, and the client certificate to present. */
export interface Certificates {
  /** CA certificates in PEM; undefined for Node's own. */
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
}

/** Where docker looks for certificates: each folder has a subfolder for each host, such as `registry.example:5000`. */
function dockerCertFolders({ HOME }: Environment): string[] {
  return ['/etc/docker/certs.d', ...(HOME ? [path.join(HOME, '.config/docker/certs.d')] : [])];
}

/**
 * Returns the certificates for a host: CA certificates from SSL_CERT_FILE, SSL_CERT_DIR and `*.crt` in docker's folder for the
 * host, and the client certificate from `NAME.cert` and `NAME.key` in that folder.
 * @throws TasksError exit 3 if a file cannot be read
 */
export function certificatesFor(
  host: string,
  environment: Environment,
  folders: readonly string[] = dockerCertFolders(environment),
): Certificates {
  const { SSL_CERT_FILE, SSL_CERT_DIR, NODE_EXTRA_CA_CERTS } = environment;
  const own = SSL_CERT_FILE ? [read(SSL_CERT_FILE, 'SSL_CERT_FILE')] : [];
  for (const folder of SSL_CERT_DIR ? SSL_CERT_DIR.split(':') : [])
    own.push(
      ...filesIn(folder)
        .map((file) => read(file))
        .filter((text) => text.includes('BEGIN CERTIFICATE')),
    );
  const client: { cert?: string; key?: string } = {};
  for (const folder of folders) {
    for (const file of filesIn(path.join(folder, host))) {
      if (file.endsWith('.crt')) own.push(read(file));
      if (!file.endsWith('.cert') || client.cert !== undefined) continue;
      client.cert = read(file);
      client.key = read(file.replace(/\.cert$/, '.key'));
    }
  }
  if (own.length === 0) return client;
  const extra = NODE_EXTRA_CA_CERTS && existsSync(NODE_EXTRA_CA_CERTS) ? [read(NODE_EXTRA_CA_CERTS)] : [];
  return { ...client, ca: [...rootCertificates, ...extra, ...own] };
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  try {
    return readdirSync(folder)
      .sort()
      .map((name) => path.join(folder, name))
      .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
  } catch (error) {
    throw unreadable(folder, error);
  }
}

function read(file: string, name?: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(name === undefined ? file : `${file} (from ${name})`, error);
  }
}

function unreadable(what: string, error: unknown): TasksError {
  return new TasksError(3, `cannot read ${what}: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
}
