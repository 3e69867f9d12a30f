import { isDerivedTag } from '../model/derived-tags.ts';

/** What the OCI distribution specification accepts as (part of) a repository's name. */
const repositoryPattern =
  /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
/** What it accepts as a tag; 128 characters at most. */
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
/** What engines take before the colon, and the host that stands there in the names that we give images in an engine. */
const repositoryLength = 255;
const nameLength = repositoryLength - 'tasks.invalid/'.length;
/** `-k` and twelve digits, `-t` (a test's pass) or `-i` (one image) and twelve more: what content tags add to the version. */
const contentTagRoom = 28;

/** A version or tag as it stands after the colon: Debian's `~` is dropped, no registry takes it. */
export function asTag(version: string): string {
  return version.replaceAll('~', '');
}

/** What is wrong with a name of images or commands, or undefined. */
export function nameFault(name: string): string | undefined {
  if (repositoryPattern.test(name))
    return name.length <= nameLength ? undefined : `${nameLength} characters at most`;
  return "lower case letters and digits, with '.', '_', '-' or '/' between them";
}

/** What is wrong with a version or tag, or undefined. */
export function tagFault(version: string): string | undefined {
  const tag = asTag(version);
  if (!tagPattern.test(tag)) {
    return "a tag that registries accept: letters, digits, '_', '.', '-', not '.' or '-' first, 128 characters at most";
  }
  if (isDerivedTag(tag))
    return 'a tag that does not look like a content tag: no -k and 12 hexadecimal digits at its end';
  return tag.length + contentTagRoom > 128 ? `${128 - contentTagRoom} characters at most` : undefined;
}

/** What is wrong with a repository such as `citus` or `localhost:5000/team`, or undefined. */
export function repositoryFault(repo: string): string | undefined {
  const [first, ...rest] = repo.split('/');
  const isHost = rest.length > 0 && /[.:]|^localhost$/.test(first!);
  const path = isHost ? rest.join('/') : repo;
  if (isHost && !/^[A-Za-z0-9.-]+(:\d+)?$|^\[[0-9a-f:]+\](:\d+)?$/.test(first!))
    return 'a host name with an optional port first';
  if (repo.length > repositoryLength) return `${repositoryLength} characters at most`;
  if (/^[^/]+:\d+$/.test(repo)) return undefined;
  return repositoryPattern.test(path)
    ? undefined
    : 'a repository such as citus, or registry.example:5000/team';
}
