import { type ParsedCopies, readCopies } from './dockerfile-text.ts';
import { acceptedName, acceptedVersion, splitReference } from './names.ts';
import { type ForeignBuilds, type ForeignTarget, type Omission, rootPath } from './target.ts';
import { usedParts } from './used-parts.ts';

export interface FoundDockerfile {
  /** Relative to the project root. */
  readonly path: string;
  readonly text: string;
}

export interface DockerfileSources {
  /** The name of the project root's folder: the name of images without a better one. */
  readonly rootName: string;
  /** Whether there is something at a path, relative to the root. */
  exists(path: string): boolean;
}

/** Folders that say only that images are in them. */
const plainFolders = new Set(
  'images image docker dockerfiles dockerfile containers container build src stacks'.split(' '),
);
/** Microsoft's base images, and those that other images name after them. */
const windowsImage = /(^|\/)windows\/(servercore|nanoserver|server)\b|[:-](nanoserver|windowsservercore)/;
const versionLike = /^v?\d+(\.\d+)*([-_.~]?\w+)*$/;
const distroLike =
  /^(buster|bullseye|bookworm|trixie|sid|focal|jammy|noble|resolute|alpine|alpine\d[\d.]*|slim|ubi\d*)$/;

/**
 * Makes a target of each Dockerfile. The name and version come from the path: `postgres/17/alpine/Dockerfile` is `postgres:17-alpine`,
 * `app_1.2.Dockerfile` is `app:1.2`. If other Dockerfiles name such an image (`FROM cimg/postgres:17`), it has that name.
 */
export function readDockerfiles(
  files: readonly FoundDockerfile[],
  sources: DockerfileSources,
): ForeignBuilds {
  const omissions: Omission[] = [];
  const parsed = files.flatMap((file) => {
    const used = usedParts({ dockerfile: file.path, args: {}, platforms: [], contexts: {} }, file.text);
    const copies = readCopies(file.text);
    const omit = (what: string): [] => {
      omissions.push({ place: file.path, what });
      return [];
    };
    if (typeof used === 'string' || copies === undefined)
      return omit(
        `the Dockerfile, which cannot be built like this: ${String(used).replace(/^.*?:(\d+): /, 'line $1: ')}`,
      );
    const references = used.images.map(({ reference }) => reference);
    if (references.some((reference) => windowsImage.test(reference)))
      return omit('the Dockerfile: it makes a Windows image, and tasks builds Linux images');
    return [{ ...file, copies, references, ...nameFromPath(file.path, sources.rootName) }];
  });
  const { repo, names: known } = ownNames(parsed);
  const claimed = new Map<string, string>();
  const targets = parsed.flatMap((file): ForeignTarget[] => {
    const { path, copies } = file;
    const candidates = [known.get(file.name) ?? file.name, ...longerNames(path)];
    const name = candidates.find((each) => !claimed.has(`${each}:${file.version}`));
    if (name === undefined) {
      const other = claimed.get(`${candidates[0]}:${file.version}`)!;
      omissions.push({
        place: path,
        what: `the Dockerfile: ${other} has the same name, ${candidates[0]}:${file.version}`,
      });
      return [];
    }
    if (name !== candidates[0])
      omissions.push({
        place: path,
        what: `the name ${candidates[0]}, which ${claimed.get(`${candidates[0]}:${file.version}`)} has: it is ${name} here`,
      });
    claimed.set(`${name}:${file.version}`, path);
    const context = contextOf(path, copies, sources);
    const prefix = repo === undefined ? '' : `${repo}/`;
    return [
      {
        name,
        place: path,
        context,
        dockerfile: path,
        args: {},
        labels: {},
        tags: [`${prefix}${name}:${file.version}`],
        platforms: [],
        contexts: {},
        options: {},
      },
    ];
  });
  return { targets, omissions };
}

interface PathName {
  readonly name: string;
  readonly version: string;
  /** The path has no name: that of the root stands for it. */
  readonly isNameless: boolean;
}

function nameFromPath(path: string, rootName: string): PathName {
  const parts = segmentsOf(path);
  const first = parts.findIndex((part) => versionLike.test(part) || distroLike.test(part));
  const [names, versions] = first < 0 ? [parts, []] : [parts.slice(0, first), parts.slice(first)];
  return {
    name: acceptedName(names.at(-1) ?? rootName) ?? 'image',
    version: acceptedVersion(versions.join('-')) ?? 'latest',
    isNameless: names.length === 0,
  };
}

/** Returns the telling parts of a path: folders, and what is before or after `Dockerfile` in the file's name. */
function segmentsOf(path: string): string[] {
  const parts = path.split('/');
  const file = parts.pop()!;
  const [, before = '', after = ''] = /^(.*?)[._-]?(?:Dockerfile|Containerfile)[._-]?(.*)$/i.exec(file) ?? [];
  const [, base, version] = /^(.*?)[_-](v?\d[\w.~-]*)$/.exec(before) ?? [];
  const own = base === undefined || base === '' ? [before] : [base, version!];
  return [...parts.filter((part) => !plainFolders.has(part.toLowerCase())), ...own, after].filter(Boolean);
}

/** Returns longer names for a Dockerfile whose short one is taken: with each folder above it. */
function longerNames(path: string): string[] {
  const names = segmentsOf(path).filter((part) => !versionLike.test(part) && !distroLike.test(part));
  return names
    .slice(0, -1)
    .flatMap((_, at, all) => acceptedName(names.slice(all.length - 1 - at).join('-')) ?? []);
}

/**
 * Returns the repository and the names that other Dockerfiles use for images of this project, by the names of their paths. A Dockerfile whose path has no
 * name, `17/Dockerfile`, is the image that the most others build on: `FROM cimg/postgres:17`.
 */
function ownNames(files: readonly (PathName & { readonly references: readonly string[] })[]): {
  readonly repo: string | undefined;
  readonly names: ReadonlyMap<string, string>;
} {
  const versions = new Map<string, Set<string>>();
  for (const { name, version } of files) versions.set(name, (versions.get(name) ?? new Set()).add(version));
  const nameless = new Set(files.filter(({ isNameless }) => isNameless).map(({ name }) => name));
  const counts = new Map<string, Map<string, number>>();
  for (const reference of files.flatMap(({ references }) => references)) {
    const parts = splitReference(reference);
    if (parts === undefined || parts.repo === '') continue;
    for (const [name, own] of versions) {
      if ((name !== parts.name && !nameless.has(name)) || !own.has(parts.tag)) continue;
      const known = counts.get(name) ?? new Map<string, number>();
      const id = `${parts.repo}/${parts.name}`;
      counts.set(name, known.set(id, (known.get(id) ?? 0) + 1));
    }
  }
  const repos = new Map<string, number>();
  for (const known of counts.values())
    for (const [path, count] of known) {
      const repo = path.slice(0, path.lastIndexOf('/'));
      repos.set(repo, (repos.get(repo) ?? 0) + count);
    }
  const repo = mostFrequent(repos);
  const names = [...counts].flatMap(([name, known]): [string, string][] => {
    const own = mostFrequent(new Map([...known].filter(([path]) => path.startsWith(`${repo}/`))));
    return own === undefined ? [] : [[name, own.slice(repo!.length + 1)]];
  });
  return { repo, names: new Map(names) };
}

function mostFrequent(counts: ReadonlyMap<string, number>): string | undefined {
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}

/** Returns the folder of a Dockerfile, or the root if what it copies is only there. */
function contextOf(path: string, { sources }: ParsedCopies, { exists }: DockerfileSources): string {
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.';
  const isIn = (context: string): boolean =>
    sources.every((source) => exists(rootPath(context, source) ?? '..'));
  return folder === '.' || isIn(folder) || !isIn('.') ? folder : '.';
}
