import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { type Certificates, certificatesFor } from './certificates.ts';
import { isInSubnet, proxyFor } from './proxy.ts';
import { baseUrl, isLoopback } from './reference.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** How hosts are reached. */
export interface Network {
  /** Finds out how a host's registry is reached; asked before anything is sent to it. */
  resolve(host: string): Promise<void>;
  /** How often it was found out anew how a host is reached. */
  version(host: string): number;
  /** Looks again, after a host could not be reached as it was at a version. True: it is reached another way now. */
  recheck(host: string, version: number): Promise<boolean>;
  /** Where a host's registry answers, without a slash at the end. */
  baseUrl(host: string): string;
  /** True where a host may be spoken to without encryption. */
  allowsHttp(host: string): boolean;
  /** How a connection to a host is secured. */
  tlsOptionsFor(host: string): Certificates & { readonly rejectUnauthorized?: boolean };
  proxyFor(url: URL): URL | undefined;
}

/** Encrypted, but to this machine. */
export const directNetwork: Network = {
  resolve: async () => undefined,
  version: () => 0,
  recheck: async () => false,
  baseUrl: baseUrl,
  allowsHttp: isLoopback,
  tlsOptionsFor: () => ({}),
  proxyFor: () => undefined,
};

export interface NetworkOptions {
  readonly environment: Environment;
  readonly signal: AbortSignal;
  /** Milliseconds for one look. */
  readonly timeoutMs: number;
  /** What docker's engine is told to trust (`insecure-registries`): hosts and networks. Asked only for a host that cannot be reached. */
  insecure?(): Promise<readonly string[]>;
  readonly certFolders?: readonly string[];
  readonly daemonFiles?: readonly string[];
}

/**
 * As docker's engine has it: encrypted and verified, but for this machine and hosts that are named as insecure, by
 * TASKS_INSECURE_REGISTRIES or in docker's own configuration. These may have any certificate, or none at all.
 */
export function dockerNetwork(options: NetworkOptions): Network {
  const { environment } = options;
  const bases = new Map<string, string>();
  const insecure = new Set<string>();
  const decided = new Map<string, Promise<void>>();
  const versions = new Map<string, number>();
  const revising = new Map<string, Promise<void>>();
  const known = new Map<string, Certificates>();
  /** Behind a proxy, where nobody knows how they answer: taken as encrypted until that fails. */
  const guessed = new Set<string>();
  let listed: readonly string[] | undefined;
  const look = async (host: string): Promise<void> => {
    insecure.add(host);
    const url = new URL(baseUrl(host).replace(/^http:/, 'https:'));
    const isProxied = proxyFor(url, environment) !== undefined;
    if (isProxied) guessed.add(host);
    bases.set(host, isProxied || (await speaksTls(url, options)) ? url.origin : plain(url.origin));
  };
  const version = (host: string): number => versions.get(host) ?? 0;
  const revise = async (host: string): Promise<void> => {
    if (guessed.delete(host)) bases.set(host, plain(baseUrl(host)));
    else if (insecure.has(host) || options.insecure === undefined) return;
    else if (await isListed(host, await options.insecure())) await look(host);
    else return;
    versions.set(host, version(host) + 1);
  };
  const decide = async (host: string): Promise<void> => {
    listed ??= namedInsecure(options);
    if (isLoopback(host) || (await isListed(host, listed))) await look(host);
  };
  return {
    resolve(host) {
      const found = decided.get(host) ?? decide(host);
      decided.set(host, found);
      return found;
    },
    version,
    async recheck(host, tried) {
      if (version(host) === tried) {
        // Of several requests that failed one looks.
        const work = revising.get(host) ?? revise(host);
        revising.set(host, work);
        await work.finally(() => revising.delete(host));
      }
      return version(host) !== tried;
    },
    baseUrl: (host) => bases.get(host) ?? baseUrl(host),
    allowsHttp: (host) => isLoopback(host) || insecure.has(host),
    tlsOptionsFor(host) {
      const found = known.get(host) ?? certificatesFor(host, environment, options.certFolders);
      known.set(host, found);
      return insecure.has(host) ? { ...found, rejectUnauthorized: false } : found;
    },
    proxyFor: (url) => proxyFor(url, environment),
  };
}

function plain(url: string): string {
  return url.replace(/^https:/, 'http:');
}

/** What TASKS_INSECURE_REGISTRIES and the engine's configuration on this machine name. @throws TasksError exit 3 */
function namedInsecure({ environment, daemonFiles }: NetworkOptions): readonly string[] {
  const { TASKS_INSECURE_REGISTRIES, HOME } = environment;
  const files = daemonFiles ?? [
    '/etc/docker/daemon.json',
    ...(HOME ? [path.join(HOME, '.config/docker/daemon.json')] : []),
  ];
  const own = (TASKS_INSECURE_REGISTRIES ?? '').split(',').map((each) => each.trim());
  return [...own, ...files.flatMap(insecureIn)].filter((each) => each !== '');
}

function insecureIn(file: string): string[] {
  try {
    const { 'insecure-registries': named } = JSON.parse(readFileSync(file, 'utf8')) as Record<
      string,
      unknown
    >;
    return Array.isArray(named) ? named.filter((each): each is string => typeof each === 'string') : [];
  } catch {
    // Not there, or only for the engine to read: what the engine says of itself is asked where it matters.
    return [];
  }
}

/** Whether a list of hosts (`registry.example:5000`) and networks (`10.0.0.0/8`) names a host. */
async function isListed(host: string, list: readonly string[]): Promise<boolean> {
  if (list.includes(host)) return true;
  const networks = list.map((each) => each.split('/')).filter(([, bits]) => bits !== undefined);
  if (networks.length === 0) return false;
  const { hostname } = new URL(`https://${host}`);
  const name = hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(name) > 0 ? [name] : await addressesOf(name);
  return addresses.some((address) =>
    networks.some(([network, bits]) => isInSubnet(address, network!, Number(bits))),
  );
}

async function addressesOf(name: string): Promise<string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch {
    // Whoever connects to it says so.
    return [];
  }
}

/** True where a server answers to encryption, whatever its certificate is. */
async function speaksTls(url: URL, { signal, timeoutMs }: NetworkOptions): Promise<boolean> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return await new Promise((resolve, reject) => {
    const socket = tls.connect({
      host,
      port: Number(url.port || 443),
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const end = (isTls: boolean): void => {
      signal.removeEventListener('abort', stop);
      socket.destroy();
      if (signal.aborted) reject(signal.reason as Error);
      else resolve(isTls);
    };
    const stop = (): void => end(false);
    signal.addEventListener('abort', stop, { once: true });
    socket.setTimeout(Math.min(timeoutMs, 5_000), stop);
    socket.once('secureConnect', () => end(true));
    socket.once('error', stop);
    socket.once('close', stop);
    if (signal.aborted) stop();
  });
}
