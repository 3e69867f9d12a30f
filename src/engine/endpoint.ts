import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';

/** The address of a docker engine. */
export type Endpoint = (
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** Only the docker client can connect: TLS, ssh, named pipes. */
  | { readonly kind: 'client' }
) & {
  /** The address as the user wrote it: `unix:///var/run/docker.sock`. */
  readonly url: string;
  /** Where the address comes from: `DOCKER_HOST`, `context work`, `default`. */
  readonly origin: string;
  /** The name of the docker context, which is also the name of its buildx builder. */
  readonly context: string;
};

const defaultSocket = 'unix:///var/run/docker.sock';
/** The client's default if TLS is enabled. */
const defaultTls = 'tcp://localhost:2376';

/**
 * Returns the engine that the docker client would use: DOCKER_HOST, then DOCKER_CONTEXT, then the current context of its
 * configuration, then the default socket, or the default TLS port (docs.docker.com, "docker context").
 * @throws TasksError exit 3 for an invalid address, or a context that does not exist or cannot be read
 */
export function resolveEndpoint(environment: Environment): Endpoint {
  const { DOCKER_HOST, DOCKER_CONTEXT } = environment;
  // Any non-empty value enables TLS, even `0`, as in the docker client.
  const tls = Boolean(environment.DOCKER_TLS) || Boolean(environment.DOCKER_TLS_VERIFY);
  if (DOCKER_HOST) return parseAddress(DOCKER_HOST, { origin: 'DOCKER_HOST', context: 'default', tls });
  const folder = configFolder(environment);
  const context = DOCKER_CONTEXT || currentContext(folder);
  if (context === undefined || context === 'default') {
    if (tls) return parseAddress(defaultTls, { origin: 'DOCKER_TLS', context: 'default', tls });
    return parseAddress(defaultSocket, { origin: 'default', context: 'default', tls });
  }
  const { address, tls: contextTls } = readContext(folder, context);
  return parseAddress(address, { origin: `context ${context}`, context, tls: contextTls });
}

/** Returns the docker client's configuration folder. */
export function configFolder(environment: Environment): string {
  return environment.DOCKER_CONFIG || path.join(environment.HOME ?? '/', '.docker');
}

function currentContext(folder: string): string | undefined {
  const file = path.join(folder, 'config.json');
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  const context = parseJson(text, file).currentContext;
  return typeof context === 'string' && context !== '' ? context : undefined;
}

function readContext(folder: string, name: string): { address: string; tls: boolean } {
  const id = createHash('sha256').update(name).digest('hex');
  const file = path.join(folder, 'contexts/meta', id, 'meta.json');
  const text = readIfThere(file);
  if (text === undefined) {
    throw new TasksError(3, `the docker context "${name}" does not exist (${file})`, {
      hint: 'run `docker context ls` to list the contexts',
    });
  }
  const endpoints = parseJson(text, file).Endpoints as
    | { docker?: { Host?: string; SkipTLSVerify?: boolean } }
    | undefined;
  const { Host, SkipTLSVerify } = endpoints?.docker ?? {};
  if (!Host) throw new TasksError(3, `the docker context "${name}" has no docker host (${file})`);
  // As in the client: any TLS setting or file of the context enables TLS, verified or not.
  const keys = ['ca.pem', 'cert.pem', 'key.pem'].map((pem) =>
    path.join(folder, 'contexts/tls', id, 'docker', pem),
  );
  return { address: Host, tls: SkipTLSVerify === true || keys.some((key) => existsSync(key)) };
}

interface Origin {
  readonly origin: string;
  readonly context: string;
  readonly tls: boolean;
}

function parseAddress(url: string, { origin, context, tls }: Origin): Endpoint {
  const common = { url, origin, context };
  if (url.startsWith('unix://')) return { kind: 'unix', path: url.slice('unix://'.length), ...common };
  if (/^(ssh|https|npipe|fd):/.test(url)) return { kind: 'client', ...common };
  const tcp = /^(?:tcp|http):\/\/(\[[0-9a-f:.]+\]|[^:/]+)(?::(\d+))?\/?$/i.exec(url);
  if (tcp !== null) {
    if (tls) return { kind: 'client', ...common };
    return { kind: 'tcp', host: tcp[1]!.replace(/^\[|\]$/g, ''), port: Number(tcp[2] ?? 2375), ...common };
  }
  throw new TasksError(3, `${origin} has an invalid engine address: "${url}"`, {
    hint: 'expected unix:///path, tcp://host:port or ssh://user@host',
  });
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new TasksError(3, `cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
}

function parseJson(text: string, file: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw new TasksError(3, `${file} is not valid JSON: ${(error as Error).message}`, { cause: error });
  }
}
