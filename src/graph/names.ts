import { isDerivedTag } from '../model/derived-tags.ts';

/** A repository name, or a part of one, as defined by the OCI distribution specification. */
const repositoryPattern =
  /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
/** A tag as defined by the OCI distribution specification. */
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
/** The engine's limit for the part before the colon. Content tags in the engine start with the host `tasks.invalid`. */
const maxRepositoryLength = 255;
const maxNameLength = maxRepositoryLength - 'tasks.invalid/'.length;
/** What content tags append to the version: `-k` and 12 digits, then `-t` (a passed test) or `-i` (an image ID) and 12 digits. */
const contentTagSuffixLength = 28;

/** Turns a version into a tag: removes `~` (used by Debian), which tags must not contain. */
export function asTag(version: string): string {
  return version.replaceAll('~', '');
}

/** Checks the name of an image or command. Returns what is expected if it is invalid. */
export function nameFault(name: string): string | undefined {
  if (repositoryPattern.test(name))
    return name.length <= maxNameLength ? undefined : `at most ${maxNameLength} characters`;
  return "lowercase letters and digits, separated by '.', '_', '-' or '/'";
}

/** Checks a version or tag. Returns what is expected if it is invalid. */
export function tagFault(version: string): string | undefined {
  const tag = asTag(version);
  if (!tagPattern.test(tag)) {
    return "a valid tag: letters, digits, '_', '.' and '-', not starting with '.' or '-', at most 128 characters";
  }
  if (isDerivedTag(tag))
    return 'a tag that does not look like a content tag (ending in -k and 12 hexadecimal digits)';
  return tag.length + contentTagSuffixLength > 128
    ? `at most ${128 - contentTagSuffixLength} characters`
    : undefined;
}

/** Checks a repository such as `citus` or `localhost:5000/team`. Returns what is expected if it is invalid. */
export function repositoryFault(repo: string): string | undefined {
  const [first, ...rest] = repo.split('/');
  const isHost = rest.length > 0 && /[.:]|^localhost$/.test(first!);
  const path = isHost ? rest.join('/') : repo;
  if (isHost && !/^[A-Za-z0-9.-]+(:\d+)?$|^\[[0-9a-f:]+\](:\d+)?$/.test(first!))
    return 'a host name with an optional port before the first /';
  if (repo.length > maxRepositoryLength) return `at most ${maxRepositoryLength} characters`;
  if (/^[^/]+:\d+$/.test(repo)) return undefined;
  return repositoryPattern.test(path)
    ? undefined
    : 'a repository such as citus, or registry.example:5000/team';
}
