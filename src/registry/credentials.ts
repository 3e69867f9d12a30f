import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import type { Credentials } from '../model/registry.ts';
import { runCredentialHelper } from './credential-helper.ts';
import { credentialKey, parseReference } from './reference.ts';

/** Returns the credentials for a host (`docker.io`, `registry.example:5000`), if any. @throws TasksError exit 3 */
export type FindCredentials = (host: string) => Promise<Credentials | undefined>;

interface Config {
  readonly auths?: Readonly<Record<string, StoredAuth>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
}

interface StoredAuth {
  /** Base64 of `name:password`. */
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

/** How long found credentials are used, in milliseconds: helpers give out some that expire, and a build may take hours. */
const lifetime = 60_000;

/**
 * Finds credentials where docker does: DOCKER_AUTH_CONFIG, then `config.json` in DOCKER_CONFIG or `~/.docker`, with its
 * credential helpers. They are read again after a minute. `signal`: cancels a running helper. `now`: a clock, in milliseconds.
 */
export function dockerCredentials(
  environment: Environment,
  signal?: AbortSignal,
  now: () => number = () => performance.now(),
): FindCredentials {
  const cached = new Map<string, { readonly at: number; readonly found: Promise<Credentials | undefined> }>();
  return (host) => {
    const known = cached.get(host);
    if (known !== undefined && now() - known.at < lifetime) return known.found;
    const found = findCredentials(host, environment, signal);
    cached.set(host, { at: now(), found });
    return found;
  };
}

/** Finds credentials by an image's name, for an engine that pushes or pulls it. */
export function credentialsFor(
  environment: Environment,
  signal?: AbortSignal,
): (name: string) => Promise<Credentials | undefined> {
  const find = dockerCredentials(environment, signal);
  return async (name) => await find(parseReference(name).host);
}

async function findCredentials(
  host: string,
  environment: Environment,
  signal: AbortSignal | undefined,
): Promise<Credentials | undefined> {
  const name = credentialKey(host);
  const { DOCKER_AUTH_CONFIG } = environment;
  const fromEnvironment = DOCKER_AUTH_CONFIG
    ? storedIn(parse(DOCKER_AUTH_CONFIG, 'DOCKER_AUTH_CONFIG'), name)
    : undefined;
  if (fromEnvironment !== undefined) return fromEnvironment;
  const config = readConfig(environment);
  const helper = config.credHelpers?.[name] ?? config.credHelpers?.[host] ?? config.credsStore;
  const fromHelper = helper ? await queryHelper(helper, name, environment, signal) : undefined;
  return fromHelper ?? storedIn(config, name);
}

function readConfig(environment: Environment): Config {
  const folder = environment.DOCKER_CONFIG || path.join(environment.HOME ?? '/', '.docker');
  const file = path.join(folder, 'config.json');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return {};
    throw new TasksError(3, `cannot read ${file}: ${code}`);
  }
  return parse(text, file);
}

function parse(text: string, name: string): Config {
  try {
    return (JSON.parse(text) as Config | null) ?? {};
  } catch {
    // The parser's message would quote the text, which contains secrets.
    throw new TasksError(3, `${name} is not valid JSON`, { hint: 'fix it, or run docker login' });
  }
}

function storedIn(config: Config, name: string): Credentials | undefined {
  const auths = config.auths ?? {};
  // Old docker versions wrote `https://host/v1/`.
  const bare = (key: string): string => key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  const key = Object.hasOwn(auths, name)
    ? name
    : Object.keys(auths).find((each) => bare(each) === bare(name));
  const stored = key === undefined ? undefined : auths[key];
  if (typeof stored !== 'object' || stored === null) return undefined;
  const { identitytoken, auth } = stored;
  if (typeof identitytoken === 'string' && identitytoken !== '') return { identityToken: identitytoken };
  const text =
    typeof auth === 'string' && auth !== ''
      ? Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '')
      : `${stored.username ?? ''}:${stored.password ?? ''}`;
  const [, username, password] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  return username ? { username, password: password! } : undefined;
}

/** Gets credentials from one of docker's credential helpers. @throws TasksError exit 3 */
async function queryHelper(
  helper: string,
  name: string,
  environment: Environment,
  signal: AbortSignal | undefined,
): Promise<Credentials | undefined> {
  const program = `docker-credential-${helper}`;
  const { output, failure } = await runCredentialHelper(program, name, environment, signal);
  if (failure !== undefined) {
    if (/credentials not found/i.test(output)) return undefined;
    throw new TasksError(3, `${program}, docker's credential helper for ${name}, failed: ${failure}`, {
      hint: `echo ${name} | ${program} get`,
    });
  }
  try {
    const { Username, Secret } = JSON.parse(output) as { Username?: unknown; Secret?: unknown };
    if (typeof Username !== 'string' || Username === '' || typeof Secret !== 'string') return undefined;
    return Username === '<token>' ? { identityToken: Secret } : { username: Username, password: Secret };
  } catch {
    throw new TasksError(3, `${program} did not print valid JSON`);
  }
}
