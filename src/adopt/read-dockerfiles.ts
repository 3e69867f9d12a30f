import { type ParsedCopies, readCopies } from './dockerfile-text.ts';
import { type DockerfileName, longerNames, nameDockerfiles } from './name-dockerfiles.ts';
import { splitReference } from './names.ts';
import { comparableReference } from './reduce.ts';
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

/** A folder whose Dockerfiles show or test something. */
const exampleFolder = /(^|\/)(docs?|documentation|tests?|testdata|fixtures|__tests__|e2e)\//i;
/** Microsoft's base images, and those that other images name after them. */
const windowsImage = /(^|\/)windows\/(servercore|nanoserver|server)\b|[:-](nanoserver|windowsservercore)/;

/**
 * Makes a target of each Dockerfile. The name and version come from the path (see `nameDockerfiles`). If other Dockerfiles name such an image (`FROM cimg/postgres:17`), it has that name.
 */
export function readDockerfiles(
  found: readonly FoundDockerfile[],
  sources: DockerfileSources,
): ForeignBuilds {
  const omissions: Omission[] = [];
  const files = withoutExamples(found, omissions);
  const names = nameDockerfiles(
    files.map(({ path }) => path),
    sources.rootName,
  );
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
    return [{ ...file, copies, references, ...names.get(file.path)! }];
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
        versionParts: file.parts,
        platforms: file.platform === undefined ? [] : [file.platform],
        contexts: {},
        options: {},
      },
    ];
  });
  const references = new Map(parsed.map((file) => [file.path, file.references]));
  return { targets: withPlatformsOfBases(targets, references, omissions), omissions };
}

/** Drops Dockerfiles that are no images of the project, unless there are no others. */
function withoutExamples(
  files: readonly FoundDockerfile[],
  omissions: Omission[],
): readonly FoundDockerfile[] {
  const others = files.filter(({ path }) => !exampleFolder.test(path));
  if (others.length === 0 || others.length === files.length) return files;
  for (const { path } of files)
    if (exampleFolder.test(path))
      omissions.push({ place: path, what: 'the Dockerfile, which is in a folder of tests or documentation' });
  return others;
}

/**
 * Gives targets without a platform that of their bases, where those are for a single one. Drops targets that need images of several
 * platforms: each build of them needs another machine. `references`: the images that a Dockerfile names, by its path.
 */
function withPlatformsOfBases(
  targets: readonly ForeignTarget[],
  references: ReadonlyMap<string, readonly string[]>,
  omissions: Omission[],
): ForeignTarget[] {
  const platforms = new Map(targets.map((target) => [target.place, target.platforms]));
  const owners = new Map(targets.map(({ tags, place }) => [comparableReference(tags[0]!), place]));
  const needed = (place: string): Set<string> => {
    const bases = references.get(place)!.flatMap((each) => owners.get(comparableReference(each)) ?? []);
    return new Set([place, ...bases].flatMap((base) => platforms.get(base)!));
  };
  // A chain of bases has at most as many links as there are targets.
  for (let isDone = false; !isDone; ) {
    isDone = true;
    for (const { place } of targets) {
      const found = needed(place);
      if (found.size !== 1 || platforms.get(place)!.length > 0) continue;
      platforms.set(place, [...found]);
      isDone = false;
    }
  }
  return targets.flatMap((target) => {
    const found = needed(target.place);
    if (found.size <= 1) return [{ ...target, platforms: platforms.get(target.place)! }];
    omissions.push({ place: target.place, what: 'the Dockerfile: it builds on images of several platforms' });
    return [];
  });
}

/**
 * Returns the repository and the names that other Dockerfiles use for images of this project, by the names of their paths. A Dockerfile whose path has no
 * name, `17/Dockerfile`, is the image that the most others build on: `FROM cimg/postgres:17`.
 */
function ownNames(files: readonly (DockerfileName & { readonly references: readonly string[] })[]): {
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
