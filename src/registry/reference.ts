import { TasksError } from '../model/errors.ts';

/** A repository on a registry host. */
export interface RepositoryRef {
  /** `docker.io`, `registry.example:5000`. */
  readonly host: string;
  /** `library/debian`. */
  readonly repository: string;
}

/** The full name of an image. */
export interface Reference extends RepositoryRef {
  /** `latest` if the name has neither a tag nor a digest. */
  readonly tag?: string;
  /** `sha256:…` */
  readonly digest?: string;
}

const hub = 'docker.io';
const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const hostForm = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-fA-F:]+\\])(?::\\d+)?$`);
const repositoryForm = new RegExp(`^${component}(?:/${component})*$`);
/** Matches a valid tag. */
export const tagPattern = /^\w[\w.-]{0,127}$/;
const digestForm = /^sha256:[0-9a-f]{64}$/;

/** Parses an image's name by docker's rules: `debian` is `docker.io/library/debian:latest`. @throws TasksError exit 2 */
export function parseReference(text: string): Reference {
  const [, named, digest] = /^([^@]*)(?:@(.*))?$/s.exec(text)!;
  const [, name, tag] = /^(.*?)(?::([^/:]*))?$/s.exec(named!)!;
  const { host, repository } = splitHost(name!);
  const isValid =
    hostForm.test(host) &&
    repositoryForm.test(repository) &&
    !/^[0-9a-f]{64}$/.test(name!) &&
    `${host}/${repository}`.length <= 255 &&
    (tag === undefined || tagPattern.test(tag)) &&
    (digest === undefined || digestForm.test(digest));
  if (!isValid)
    throw new TasksError(2, `"${text}" is not a valid image name`, {
      hint: 'expected [host/]name[:tag][@sha256:…] in lower case',
    });
  if (digest !== undefined) return { host, repository, ...(tag !== undefined ? { tag } : {}), digest };
  return { host, repository, tag: tag ?? 'latest' };
}

/** Splits off the host. The part before the first slash is a host only if it looks like one; otherwise it is Docker Hub. */
function splitHost(name: string): { host: string; repository: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(0, slash));
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const [host, rest] = isHost ? [first, name.slice(slash + 1)] : [hub, name];
  if (host !== hub && host !== `index.${hub}`) return { host, repository: rest };
  return { host: hub, repository: rest.includes('/') ? rest : `library/${rest}` };
}

/** Returns the URL of a host's registry, without a trailing slash: HTTPS, or HTTP for this machine. */
export function baseUrl(host: string): string {
  return `${isLoopback(host) ? 'http' : 'https'}://${host === hub ? `registry-1.${hub}` : host}`;
}

/** Returns true if a host, with or without a port, is this machine. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host);
}

/** Returns the key of a host's credentials in docker's configuration. */
export function credentialKey(host: string): string {
  return host === hub ? `https://index.${hub}/v1/` : host;
}
