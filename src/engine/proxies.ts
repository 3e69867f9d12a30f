import { readFileSync } from 'node:fs';
import path from 'node:path';
import { configFolder, type Endpoint, type Environment } from './endpoint.ts';

/** The names of the docker client's configuration, and the build args that it makes of them. */
const names = {
  httpProxy: 'HTTP_PROXY',
  httpsProxy: 'HTTPS_PROXY',
  noProxy: 'NO_PROXY',
  ftpProxy: 'FTP_PROXY',
  allProxy: 'ALL_PROXY',
} as const;

/**
 * The build args that the docker client adds to every build: the proxies of its configuration for this engine, or else those for
 * all, in both spellings. (buildx adds one of them alone; a Dockerfile that declares the other gets the same value then.)
 */
export function proxyArgs(endpoint: Endpoint, environment: Environment): Record<string, string> {
  const all = readProxies(path.join(configFolder(environment), 'config.json'));
  const own = namesOf(endpoint).find((name) => all[name] !== undefined) ?? 'default';
  const proxies = all[own] ?? {};
  const pairs = Object.entries(names).flatMap(([field, name]): [string, string][] => {
    const value = proxies[field];
    if (typeof value !== 'string' || value === '') return [];
    return [
      [name, value],
      [name.toLowerCase(), value],
    ];
  });
  return Object.fromEntries(pairs);
}

/** As the client calls the engine: an address with its port; `http://docker.example.com` for whatever is behind ssh. */
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
    // Not there, or not JSON: the client itself uses nothing of it, or says what is wrong.
    return {};
  }
}
