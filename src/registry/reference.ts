import { TasksError } from '../model/errors.ts';

/** A repository, in full. */
export interface RepositoryRef {
  /** As it is written in full names: `docker.io`, `registry.example:5000`. */
  readonly host: string;
  /** `library/debian`. */
  readonly repository: string;
}

/** Where an image lies, in full. */
export interface Reference extends RepositoryRef {
  /** What stands behind the colon; `latest` where neither that nor a digest is given. */
  readonly tag?: string;
  /** `sha256:…` */
  readonly digest?: string;
}

const hub = 'docker.io';
const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const hostForm = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-fA-F:]+\\])(?::\\d+)?$`);
const repositoryForm = new RegExp(`^${component}(?:/${component})*$`);
/** What a tag is made of. */
export const tagPattern = /^\w[\w.-]{0,127}$/;
const digestForm = /^sha256:[0-9a-f]{64}$/;

/** Reads an image's name by docker's rules: `debian` is `docker.io/library/debian:latest`. @throws TasksError exit 2 */
export function parseReference(text: string): Reference {
  const [, named, digest] = /^([^@]*)(?:@(.*))?$/s.exec(text)!;
  const [, name, tag] = /^(.*?)(?::([^/:]*))?$/s.exec(named!)!;
  const { host, repository } = splitHost(name!);
  const isGood =
    hostForm.test(host) &&
    repositoryForm.test(repository) &&
    !/^[0-9a-f]{64}$/.test(name!) &&
    `${host}/${repository}`.length <= 255 &&
    (tag === undefined || tagPattern.test(tag)) &&
    (digest === undefined || digestForm.test(digest));
  if (!isGood)
    throw new TasksError(2, `"${text}" is no image's name`, {
      hint: 'expected [host/]name[:tag][@sha256:…] in lower case',
    });
  if (digest !== undefined) return { host, repository, ...(tag !== undefined ? { tag } : {}), digest };
  return { host, repository, tag: tag ?? 'latest' };
}

/** What stands before the first slash is a host only where it looks like one; everything else is Docker Hub's. */
function splitHost(name: string): { host: string; repository: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(0, slash));
  const isHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const [host, rest] = isHost ? [first, name.slice(slash + 1)] : [hub, name];
  if (host !== hub && host !== `index.${hub}`) return { host, repository: rest };
  return { host: hub, repository: rest.includes('/') ? rest : `library/${rest}` };
}

/** Where a host's registry answers, without a slash at the end. As docker has it: plain HTTP for loopback only. */
export function baseUrl(host: string): string {
  return `${isLoopback(host) ? 'http' : 'https'}://${host === hub ? `registry-1.${hub}` : host}`;
}

/** True for a host (with or without a port) that is this machine. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host);
}

/** Under which name docker's configuration keeps a host's credentials. */
export function credentialKey(host: string): string {
  return host === hub ? `https://index.${hub}/v1/` : host;
}
