import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import type { Environment } from '../model/environment.ts';
import { type Certificates, certificatesFor } from './certificates.ts';
import { isInSubnet, proxyFor } from './proxy.ts';
import { baseUrl, isLoopback } from './reference.ts';

/** How hosts are reached. */
export interface Network {
  /** Finds out how to reach a host's registry. Call it before sending anything to the host. */
  resolve(host: string): Promise<void>;
  /** Returns how often the way to reach a host has changed. */
  version(host: string): number;
  /** Checks again how to reach a host that was unreachable at this version. Returns true if that has changed. */
  recheck(host: string, version: number): Promise<boolean>;
  /** Returns the URL of a host's registry, without a trailing slash. */
  baseUrl(host: string): string;
  /** Returns true if plain HTTP is allowed for a host. */
  allowsHttp(host: string): boolean;
  /** Returns the TLS options for connections to a host. */
  tlsOptionsFor(host: string): Certificates & { readonly rejectUnauthorized?: boolean };
  proxyFor(url: URL): URL | undefined;
}

/** Uses TLS except for this machine, and no proxy. */
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
  /** Milliseconds for one check whether a host uses TLS. */
  readonly timeoutMs: number;
  /** Returns the hosts and networks in the docker engine's `insecure-registries`. Called only if a host cannot be reached. */
  insecure?(): Promise<readonly string[]>;
  readonly certFolders?: readonly string[];
  readonly daemonFiles?: readonly string[];
}

/**
 * Returns a network that follows the docker engine's rules: TLS with verified certificates, except for this machine and for
 * hosts listed in TASKS_INSECURE_REGISTRIES or in docker's `insecure-registries`, which may use any certificate or plain HTTP.
 */
export function dockerNetwork(options: NetworkOptions): Network {
  const { environment } = options;
  const bases = new Map<string, string>();
  const insecure = new Set<string>();
  const resolved = new Map<string, Promise<void>>();
  const versions = new Map<string, number>();
  const rechecks = new Map<string, Promise<void>>();
  const certificates = new Map<string, Certificates>();
  /** Insecure hosts behind a proxy, which cannot be probed: assumed to use TLS until that fails. */
  const assumedTls = new Set<string>();
  let listed: readonly string[] | undefined;
  const probeInsecure = async (host: string): Promise<void> => {
    insecure.add(host);
    const url = new URL(baseUrl(host).replace(/^http:/, 'https:'));
    const isProxied = proxyFor(url, environment) !== undefined;
    if (isProxied) assumedTls.add(host);
    bases.set(host, isProxied || (await usesTls(url, options)) ? url.origin : toHttp(url.origin));
  };
  const version = (host: string): number => versions.get(host) ?? 0;
  const recheck = async (host: string): Promise<void> => {
    if (assumedTls.delete(host)) bases.set(host, toHttp(baseUrl(host)));
    else if (insecure.has(host) || options.insecure === undefined) return;
    else if (await isListed(host, await options.insecure())) await probeInsecure(host);
    else return;
    versions.set(host, version(host) + 1);
  };
  const resolve = async (host: string): Promise<void> => {
    listed ??= insecureRegistries(options);
    if (isLoopback(host) || (await isListed(host, listed))) await probeInsecure(host);
  };
  return {
    resolve(host) {
      const found = resolved.get(host) ?? resolve(host);
      resolved.set(host, found);
      return found;
    },
    version,
    async recheck(host, tried) {
      if (version(host) === tried) {
        // Several failed requests share one check.
        const check = rechecks.get(host) ?? recheck(host);
        rechecks.set(host, check);
        await check.finally(() => rechecks.delete(host));
      }
      return version(host) !== tried;
    },
    baseUrl: (host) => bases.get(host) ?? baseUrl(host),
    allowsHttp: (host) => isLoopback(host) || insecure.has(host),
    tlsOptionsFor(host) {
      const found = certificates.get(host) ?? certificatesFor(host, environment, options.certFolders);
      certificates.set(host, found);
      return insecure.has(host) ? { ...found, rejectUnauthorized: false } : found;
    },
    proxyFor: (url) => proxyFor(url, environment),
  };
}

function toHttp(url: string): string {
  return url.replace(/^https:/, 'http:');
}

/** Returns the registries listed in TASKS_INSECURE_REGISTRIES and in the engine's configuration on this machine. */
function insecureRegistries({ environment, daemonFiles }: NetworkOptions): readonly string[] {
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
    const { 'insecure-registries': listed } = JSON.parse(readFileSync(file, 'utf8')) as Record<
      string,
      unknown
    >;
    return Array.isArray(listed) ? listed.filter((each): each is string => typeof each === 'string') : [];
  } catch {
    // The file may not exist, or only the engine can read it. If it matters, the engine itself is queried.
    return [];
  }
}

/** Returns whether a host is in a list of hosts (`registry.example:5000`) and networks (`10.0.0.0/8`). */
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
    // Reported when a request connects to the host.
    return [];
  }
}

/** Returns whether a server uses TLS, with any certificate. @throws the signal's reason */
async function usesTls(url: URL, { signal, timeoutMs }: NetworkOptions): Promise<boolean> {
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
