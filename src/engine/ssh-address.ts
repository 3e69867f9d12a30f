/** Where an ssh address leads. */
export interface SshTarget {
  readonly host: string;
  readonly user: string | undefined;
  readonly port: string | undefined;
  /** The path of the engine's socket there; undefined for the engine that the docker client there uses. */
  readonly socket: string | undefined;
}

/** OpenSSH refuses the same: such a name is an option, or means something to a shell (`ProxyCommand`). */
const unsafeName = /^-|[\s\p{Cc}'"`$;&<>|(){}]/u;

/**
 * Parses `ssh://[user@]host[:port][/path/of/socket]` as docker does (docker/cli cli/connhelper/ssh).
 * @throws Error with the reason if the address is not valid
 */
export function parseSshAddress(address: string): SshTarget {
  const url = new URL(address);
  if (url.password !== '') throw new Error('a password is not supported');
  if (url.search !== '' || url.hash !== '') throw new Error('a query or a fragment is not supported');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (host === '') throw new Error('it has no host');
  const user = decodeURIComponent(url.username);
  if (unsafeName.test(host) || unsafeName.test(user)) {
    throw new Error('its user or host starts with "-", or contains a space or a special character');
  }
  const socket = decodeURIComponent(url.pathname);
  return {
    host,
    user: user || undefined,
    port: url.port || undefined,
    socket: /^\/*$/.test(socket) ? undefined : socket,
  };
}

/** In seconds. Less than any limit of ours, so that the reason is ssh's own. */
const connectTimeout = 15;

/** Returns the arguments of an `ssh` that connects its standard streams to the engine. */
export function sshArguments({ host, user, port, socket }: SshTarget): string[] {
  return [
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', port]),
    ...['-o', `ConnectTimeout=${connectTimeout}`],
    // A terminal would change the bytes.
    '-T',
    ...['--', host, 'docker'],
    ...(socket === undefined ? [] : ['--host', quoteForShell(`unix://${socket}`)]),
    ...['system', 'dial-stdio'],
  ];
}

/** ssh joins the words of a command with spaces, and a shell on the other side splits them. */
function quoteForShell(word: string): string {
  return /^[\w./:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
