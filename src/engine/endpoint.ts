import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { TasksError } from '../model/errors.ts';

/** Where the docker engine is. */
export type Endpoint = (
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** Reached through the docker client: TLS, ssh, named pipes. */
  | { readonly kind: 'client' }
) & {
  /** As it was written, `unix:///var/run/docker.sock`. */
  readonly url: string;
  /** Who said so: `DOCKER_HOST`, `context work`, `default`. */
  readonly origin: string;
  /** The docker context's name; buildx calls the builder of a context by it. */
  readonly context: string;
};

const defaultSocket = 'unix:///var/run/docker.sock';
/** What the client takes in its place where TLS is asked for and no engine is named. */
const defaultTls = 'tcp://localhost:2376';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The engine that the docker client would use: DOCKER_HOST, then DOCKER_CONTEXT, then the configuration's current
 * context, then the default socket, or port by TLS (docs.docker.com, "docker context").
 * @throws TasksError exit 3 for an address or context that cannot be understood
 */
export function resolveEndpoint(environment: Environment): Endpoint {
  const { DOCKER_HOST, DOCKER_CONTEXT } = environment;
  // Set to anything, `0` too, as the client has it.
  const tls = Boolean(environment.DOCKER_TLS) || Boolean(environment.DOCKER_TLS_VERIFY);
  if (DOCKER_HOST) return parseAddress(DOCKER_HOST, { origin: 'DOCKER_HOST', context: 'default', tls });
  const folder = configFolder(environment);
  const context = DOCKER_CONTEXT || currentContext(folder);
  if (context === undefined || context === 'default') {
    if (tls) return parseAddress(defaultTls, { origin: 'DOCKER_TLS', context: 'default', tls });
    return parseAddress(defaultSocket, { origin: 'default', context: 'default', tls });
  }
  const { address, ...own } = readContext(folder, context);
  return parseAddress(address, { origin: `context ${context}`, context, ...own });
}

/** The docker client's configuration folder. */
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
      hint: 'see `docker context ls`',
    });
  }
  const endpoints = parseJson(text, file).Endpoints as
    | { docker?: { Host?: string; SkipTLSVerify?: boolean } }
    | undefined;
  const { Host, SkipTLSVerify } = endpoints?.docker ?? {};
  if (!Host) throw new TasksError(3, `the docker context "${name}" names no docker host (${file})`);
  // As the client has it: by TLS where there is anything that belongs to it, verified or not.
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
  throw new TasksError(3, `${origin} names an engine by "${url}", which is no address`, {
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
