import { nameFault, repositoryFault, tagFault } from '../graph/names.ts';

/** The parts of an image reference: `repo` is everything before the last slash, empty if there is none. */
export interface ImageName {
  readonly repo: string;
  readonly name: string;
  readonly tag: string;
}

/** Splits a reference such as `ghcr.io/team/app:1`. A reference to Docker Hub loses its host. Undefined for one with a digest. */
export function splitReference(reference: string): ImageName | undefined {
  const [, path, tag = 'latest'] = /^(.+?)(?::([\w][\w.-]*))?$/.exec(reference) ?? [];
  if (path === undefined || reference.includes('@')) return undefined;
  const slash = path.lastIndexOf('/');
  const repo = path.slice(0, Math.max(slash, 0)).replace(/^(index\.)?docker\.io(\/library)?(\/|$)/, '');
  return { repo, name: path.slice(slash + 1), tag };
}

/** Returns a name that definitions accept, made of any text; undefined if nothing is left of it. */
export function acceptedName(text: string): string | undefined {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9._/-]+/g, '-')
    .replace(/[._-]*\/[._/-]*/g, '/')
    .replace(/\.{2,}|(?<=[a-z0-9])[._-]*\.[._-]*(?=[a-z0-9])/g, '.')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  return name !== '' && nameFault(name) === undefined ? name : undefined;
}

/** Returns a version that definitions accept, made of any text. */
export function acceptedVersion(text: string): string | undefined {
  const version = text
    .replace(/[^\w.-]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 90);
  return version !== '' && tagFault(version) === undefined ? version : undefined;
}

export function isAcceptedRepo(repo: string): boolean {
  return repo !== '' && repositoryFault(repo) === undefined;
}

/** Words after which a definition cannot be named. */
const reserved = new Set(
  'image command matrix project profile major minor folders revision process env break case catch class const continue debugger default delete do else enum export extends false finally for function if import in instanceof new null return super switch this throw true try typeof var void while with yield let static await async of c version'.split(
    ' ',
  ),
);

/** Returns an identifier in camel case: `pgUpgradeTester` for `pg-upgrade-tester`. */
function identifier(text: string): string {
  const words = text.split(/[^A-Za-z0-9]+/).filter(Boolean);
  const parts = words.map((word, at) => {
    const lower = /[a-z]/.test(word) ? word : word.toLowerCase();
    return at === 0 ? lower[0]!.toLowerCase() + lower.slice(1) : lower[0]!.toUpperCase() + lower.slice(1);
  });
  const joined = parts.join('');
  if (joined === '') return 'image1';
  return /^\d/.test(joined) || reserved.has(joined)
    ? `image${joined[0]!.toUpperCase()}${joined.slice(1)}`
    : joined;
}

/** Returns a function that returns each name once, with a number if it was taken before. */
export function uniqueNames(): (hint: string) => string {
  const taken = new Set<string>();
  return (hint) => {
    const base = identifier(hint);
    let name = base;
    for (let number = 2; taken.has(name); number++) name = `${base}${number}`;
    taken.add(name);
    return name;
  };
}
