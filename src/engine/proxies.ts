import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../model/environment.ts';
import { configFolder } from './docker-config.ts';
import type { Endpoint } from './endpoint.ts';

/** The proxy settings of the docker client's configuration, and the build arg for each. */
const argNames = {
  httpProxy: 'HTTP_PROXY',
  httpsProxy: 'HTTPS_PROXY',
  noProxy: 'NO_PROXY',
  ftpProxy: 'FTP_PROXY',
  allProxy: 'ALL_PROXY',
} as const;

/**
 * Returns the build args that the docker client adds to every build: the proxies that its configuration has for this engine, or
 * else for all engines, each in upper and lower case. (buildx adds one spelling; a Dockerfile may declare the other.)
 */
export function proxyArgs(endpoint: Endpoint, environment: Environment): Record<string, string> {
  const proxies = readProxies(path.join(configFolder(environment), 'config.json'));
  const engineName = namesOf(endpoint).find((name) => proxies[name] !== undefined) ?? 'default';
  const settings = proxies[engineName] ?? {};
  const pairs = Object.entries(argNames).flatMap(([field, name]): [string, string][] => {
    const value = settings[field];
    if (typeof value !== 'string' || value === '') return [];
    return [
      [name, value],
      [name.toLowerCase(), value],
    ];
  });
  return Object.fromEntries(pairs);
}

/** The names that the configuration may use for the engine: its address with port; `http://docker.example.com` for ssh. */
function namesOf({ url }: Endpoint): string[] {
  if (url.startsWith('ssh:')) return ['http://docker.example.com'];
  const [, host, port] = /^tcp:\/\/(\[[^\]]*\]|[^:/]*)(?::(\d+))?/.exec(url) ?? [];
  if (host === undefined) return [url];
  return [
    url,
    ...(port === undefined ? [`tcp://${host}:2375`, `tcp://${host}:2376`] : [`tcp://${host}:${port}`]),
  ];
}

type Proxies = Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;

function readProxies(file: string): Proxies {
  try {
    const { proxies } = JSON.parse(readFileSync(file, 'utf8')) as { proxies?: unknown };
    return typeof proxies === 'object' && proxies !== null ? (proxies as Proxies) : {};
  } catch {
    // Missing, or not JSON: the client itself then uses no proxies, or reports the error.
    return {};
  }
}
