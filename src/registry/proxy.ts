import { BlockList, isIP } from 'node:net';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import { isLoopback } from './reference.ts';

/**
 * Returns the proxy for a URL by docker's rules: HTTPS_PROXY or HTTP_PROXY, in upper or lower case, unless NO_PROXY lists the
 * host. This machine is always reached directly.
 * @throws TasksError exit 3 for an invalid proxy; the message omits its URL, which may contain a password
 */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const name = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const value = environment[name] || environment[name.toLowerCase()];
  if (!value || isLoopback(url.host)) return undefined;
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const exceptions = environment.NO_PROXY || environment.no_proxy || '';
  if (exceptions.split(',').some((each) => matches(each.trim().toLowerCase(), url.hostname, port)))
    return undefined;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy !== undefined && /^https?:$/.test(proxy.protocol) && proxy.hostname !== '') return proxy;
  throw new TasksError(3, `${name} is not a valid proxy URL`, {
    hint: 'expected http://[user:password@]host[:port], or https://',
  });
}

/**
 * Returns whether a NO_PROXY pattern matches a host: `example.com` (subdomains too), `.example.com` (only subdomains), an
 * address, a network, each with an optional port, or `*`.
 */
function matches(pattern: string, hostname: string, port: string): boolean {
  if (pattern === '') return false;
  if (pattern === '*') return true;
  const host = hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  const [, bracketed, plain, wantedPort] =
    /^(?:\[([^\]]*)\]|([^:]*|[^:]*:[^:]*:.*?))(?::(\d+))?$/.exec(pattern) ?? [];
  const name = isIP(pattern) === 6 ? pattern : (bracketed ?? plain ?? '');
  if (isIP(pattern) !== 6 && wantedPort !== undefined && wantedPort !== port) return false;
  const [network, bits] = name.split('/');
  if (bits !== undefined) return isInSubnet(host, network!, Number(bits));
  if (isIP(host) > 0 || isIP(name) > 0)
    return isIP(host) > 0 && isInSubnet(host, name, isIP(name) === 6 ? 128 : 32);
  const suffix = name.replace(/^\*(?=\.)/, '');
  if (suffix.startsWith('.')) return host.endsWith(suffix);
  return suffix !== '' && (host === suffix || host.endsWith(`.${suffix}`));
}

/** Returns whether an address is in a network; false if either is invalid. */
export function isInSubnet(address: string, network: string, bits: number): boolean {
  const [family, other] = [isIP(network), isIP(address)];
  if (
    family === 0 ||
    family !== other ||
    !Number.isInteger(bits) ||
    bits < 0 ||
    bits > (family === 6 ? 128 : 32)
  )
    return false;
  const list = new BlockList();
  list.addSubnet(network, bits, family === 6 ? 'ipv6' : 'ipv4');
  return list.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
