import { readFileSync } from 'node:fs';
import path from 'node:path';
import { TasksError } from '../model/errors.ts';
import type { Credentials } from '../model/registry.ts';
import { credentialName, parseReference } from './reference.ts';

/** The credentials for a host (`docker.io`, `registry.example:5000`); undefined: nobody. @throws TasksError exit 3 */
export type FindCredentials = (host: string) => Promise<Credentials | undefined>;

type Environment = Readonly<Record<string, string | undefined>>;

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

/** Looks where `docker login` puts them: `config.json` in DOCKER_CONFIG or `~/.docker`, its helpers and its store. */
export function dockerCredentials(environment: Environment): FindCredentials {
  const known = new Map<string, Promise<Credentials | undefined>>();
  return (host) => {
    const found = known.get(host) ?? look(host, environment);
    known.set(host, found);
    return found;
  };
}

/** The same by an image's name, for an engine that pushes or pulls it. */
export function credentialsFor(environment: Environment): (name: string) => Promise<Credentials | undefined> {
  const find = dockerCredentials(environment);
  return async (name) => await find(parseReference(name).host);
}

async function look(host: string, environment: Environment): Promise<Credentials | undefined> {
  const config = readConfig(environment);
  const name = credentialName(host);
  const helper = config.credHelpers?.[name] ?? config.credHelpers?.[host] ?? config.credsStore;
  const helped = helper ? await askHelper(helper, name, environment) : undefined;
  return helped ?? storedIn(config, name);
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
  try {
    return (JSON.parse(text) as Config | null) ?? {};
  } catch {
    // What the parser says would quote the file, and it holds secrets.
    throw new TasksError(3, `${file} is not valid JSON`, { hint: 'mend it, or log in anew' });
  }
}

function storedIn({ auths = {} }: Config, name: string): Credentials | undefined {
  // Old versions of docker wrote `https://host/v1/`.
  const bare = (key: string): string => key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  const key = Object.hasOwn(auths, name)
    ? name
    : Object.keys(auths).find((each) => bare(each) === bare(name));
  const stored = key === undefined ? undefined : auths[key];
  if (!stored) return undefined;
  if (stored.identitytoken) return { identityToken: stored.identitytoken };
  const [, username, password] =
    /^([^:]*):(.*)$/s.exec(
      stored.auth
        ? Buffer.from(stored.auth, 'base64').toString('utf8').replace(/\0+$/, '')
        : `${stored.username ?? ''}:${stored.password ?? ''}`,
    ) ?? [];
  return username ? { username, password: password! } : undefined;
}

const helperMs = 30_000;

async function askHelper(
  helper: string,
  name: string,
  environment: Environment,
): Promise<Credentials | undefined> {
  const program = `docker-credential-${helper}`;
  const { execa } = await import('execa');
  const env = Object.fromEntries(
    Object.entries(environment).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
  const ran = await execa(program, ['get'], {
    input: name,
    env,
    extendEnv: false,
    reject: false,
    timeout: helperMs,
  });
  if (ran.exitCode !== 0) {
    if (/credentials not found/i.test(ran.stdout ?? '')) return undefined;
    const what = ran.exitCode === undefined ? 'cannot be run' : `ended with exit code ${ran.exitCode}`;
    throw new TasksError(3, `${program}, which docker's configuration names for ${name}, ${what}`, {
      hint: `try: echo ${name} | ${program} get`,
    });
  }
  try {
    const { Username, Secret } = JSON.parse(ran.stdout) as { Username?: string; Secret?: string };
    if (!Username || Secret === undefined) return undefined;
    return Username === '<token>' ? { identityToken: Secret } : { username: Username, password: Secret };
  } catch {
    throw new TasksError(3, `${program} did not answer in JSON`);
  }
}
