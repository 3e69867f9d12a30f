import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import { configFolder, currentContext, readContext } from './docker-config.ts';
import { parseSshAddress, type SshTarget } from './ssh-address.ts';

/** Where the certificates for an engine are, and what is done with them. */
export interface TlsSettings {
  /** The folder that may contain `ca.pem`, `cert.pem` and `key.pem`. Undefined: no certificates of our own. */
  readonly folder: string | undefined;
  /** Whether the engine's certificate is verified. */
  readonly verify: boolean;
  /** Whether `ca.pem` must exist. Otherwise the authorities that this machine trusts count without it. */
  readonly needsCa: boolean;
}

/** The address of a docker engine. */
export type Endpoint = (
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'tls'; readonly host: string; readonly port: number; readonly tls: TlsSettings }
  | { readonly kind: 'ssh'; readonly target: SshTarget }
) & {
  /** The address as the user wrote it: `unix:///var/run/docker.sock`. */
  readonly url: string;
  /** Where the address comes from: `DOCKER_HOST`, `context work`, `default`. */
  readonly origin: string;
};

/** What the choice of a default engine depends on. */
export interface Machine {
  exists(file: string): boolean;
  readonly uid: number | undefined;
}

const thisMachine: Machine = { exists: existsSync, uid: process.getuid?.() };

/** The origins of sockets that are found where such engines have them. */
export const rootlessOrigin = 'rootless docker';
export const desktopOrigin = 'Docker Desktop';

const defaultSocket = '/var/run/docker.sock';
/** The default if TLS is enabled. */
const defaultTls = 'tcp://localhost:2376';

/**
 * Returns the engine that docker would use: DOCKER_HOST, then DOCKER_CONTEXT, then the current context of its configuration, then
 * the default socket, or the default TLS port (docker/cli cli/command/cli.go). If nothing is set and the default socket does not
 * exist, it is the socket of a rootless engine or of Docker Desktop.
 * @throws TasksError exit 3 for an invalid address, or a context that does not exist or cannot be read
 */
export function resolveEndpoint(environment: Environment, machine: Machine = thisMachine): Endpoint {
  const { DOCKER_HOST = '', DOCKER_CONTEXT } = environment;
  const folder = configFolder(environment);
  const tls = tlsOfEnvironment(environment, folder);
  if (DOCKER_HOST !== '') return parseAddress(DOCKER_HOST.trim(), 'DOCKER_HOST', tls);
  const context = DOCKER_CONTEXT || currentContext(folder);
  if (context !== undefined && context !== 'default') {
    const { address, tlsFolder, skipTlsVerify } = readContext(folder, context);
    const hasTls = tlsFolder !== undefined || skipTlsVerify;
    const contextTls = hasTls ? { folder: tlsFolder, verify: !skipTlsVerify, needsCa: false } : undefined;
    return parseAddress(address, `context ${context}`, contextTls);
  }
  if (tls !== undefined) return parseAddress(defaultTls, 'DOCKER_TLS', tls);
  return defaultEndpoint(environment, machine);
}

/** Any non-empty value enables TLS, even `0`, as in docker's client (docker/cli cli/flags/options.go). */
function tlsOfEnvironment(environment: Environment, folder: string): TlsSettings | undefined {
  const verify = Boolean(environment.DOCKER_TLS_VERIFY);
  if (!verify && !environment.DOCKER_TLS) return undefined;
  return { folder: environment.DOCKER_CERT_PATH || folder, verify, needsCa: verify };
}

function defaultEndpoint({ HOME, XDG_RUNTIME_DIR }: Environment, { exists, uid }: Machine): Endpoint {
  const candidates: [origin: string, file: string][] = [['default', defaultSocket]];
  if (XDG_RUNTIME_DIR) candidates.push([rootlessOrigin, path.join(XDG_RUNTIME_DIR, 'docker.sock')]);
  if (uid !== undefined) candidates.push([rootlessOrigin, `/run/user/${uid}/docker.sock`]);
  for (const folder of HOME ? ['.docker/run', '.docker/desktop'] : [])
    candidates.push([desktopOrigin, path.join(HOME!, folder, 'docker.sock')]);
  const [origin, file] = candidates.find(([, socket]) => exists(socket)) ?? candidates[0]!;
  return { kind: 'unix', path: file, url: `unix://${file}`, origin };
}

/** Parses an address. Without a scheme it is TCP (docker/cli opts/hosts.go). `tls` counts for TCP only. */
function parseAddress(url: string, origin: string, tls: TlsSettings | undefined): Endpoint {
  const common = { url, origin };
  if (url.startsWith('unix://')) {
    return { kind: 'unix', path: url.slice('unix://'.length) || defaultSocket, ...common };
  }
  if (url.startsWith('ssh://')) {
    try {
      return { kind: 'ssh', target: parseSshAddress(url), ...common };
    } catch (error) {
      throw invalid(origin, url, `: ${(error as Error).message}`, error);
    }
  }
  const tcp = /^(?:(tcp|https?):\/\/)?(\[[0-9a-f:.%]+\]|[\w.-]*)(?::(\d+))?\/?$/i.exec(url);
  if (tcp === null) throw invalid(origin, url);
  const [, scheme, name, digits] = tcp;
  const host = name!.replace(/^\[|\]$/g, '') || 'localhost';
  const port = Number(digits ?? 2375);
  const settings = scheme === 'https' ? (tls ?? { folder: undefined, verify: true, needsCa: false }) : tls;
  if (settings === undefined) return { kind: 'tcp', host, port, ...common };
  return { kind: 'tls', host, port, tls: settings, ...common };
}

function invalid(origin: string, url: string, reason = '', cause?: unknown): TasksError {
  const shown = url.replace(/:[^:/@]*@/, ':***@');
  return new TasksError(3, `${origin} has an invalid engine address: "${shown}"${reason}`, {
    hint: 'expected unix:///path, tcp://host:port or ssh://user@host',
    cause,
  });
}
