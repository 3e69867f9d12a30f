import { normalizePlatform } from '../model/platform.ts';
import { acceptedName, acceptedVersion } from './names.ts';

/** What the path of a Dockerfile says about its image. */
export interface DockerfileName {
  readonly name: string;
  /** The parts of the version, which are joined by `-`; empty for `latest`. */
  readonly parts: readonly string[];
  readonly version: string;
  /** The path has no name: that of the root stands for it. */
  readonly isNameless: boolean;
  /** The platform, if a part of the path is an architecture. */
  readonly platform?: string;
}

/** Folders that say only that images are in them. */
const plainFolders = new Set(
  'images image docker dockerfiles dockerfile containers container build src stacks'.split(' '),
);
const versionLike = /^v?\d+(\.\d+)*([-_.~]?\w+)*$/;
const distroLike =
  /^(jessie|stretch|buster|bullseye|bookworm|trixie|sid|trusty|xenial|bionic|focal|jammy|noble|resolute|alpine|alpine\d[\d.]*|slim|ubi\d*)$/;
/** Names of systems: with another name before it, a folder says what the image is built on. */
const systems = /^(debian|ubuntu|alpine|linux|fedora|centos|rhel|rocky|alma|almalinux|opensuse|arch)$/;
const architectures =
  /^(amd64|x86[_-]64|i?386|arm64(v8)?|aarch64|arm32v[5-7]|armv[5-7]|armhf|armel|ppc64le|s390x|riscv64|loong64)$/;
/** How many files must claim one name before the folders above them count as parts of their versions. */
const manyFiles = 3;

/**
 * Names the images of Dockerfiles after their paths: `postgres/17/alpine/Dockerfile` is `postgres:17-alpine`, `app_1.2.Dockerfile` is
 * `app:1.2`, `Dockerfile.aarch64` is for linux/arm64. Paths are relative to the root, whose name is that of images without another.
 */
export function nameDockerfiles(
  paths: readonly string[],
  rootName: string,
): ReadonlyMap<string, DockerfileName> {
  const all = paths.map((path) => segmentsOf(path, new Set(paths)));
  const isVersion = versionFolders(all);
  const named = all.map((segments) => nameOf(segments, isVersion, rootName));
  return new Map(
    paths.map((path, at) => {
      const same = named.flatMap((each, other) =>
        each.name === named[at]!.name && each.version === named[at]!.version ? [all[other]!] : [],
      );
      return [path, same.length < manyFiles ? named[at]! : withFolders(named[at]!, all[at]!, same)];
    }),
  );
}

/** Returns longer names for a Dockerfile whose short one is taken: with each folder above it. */
export function longerNames(path: string): string[] {
  const names = segmentsOf(path, new Set()).filter((part) => !isVersionLike(part));
  return names
    .slice(0, -1)
    .flatMap((_, at, all) => acceptedName(names.slice(all.length - 1 - at).join('-')) ?? []);
}

function isVersionLike(part: string): boolean {
  return versionLike.test(part) || distroLike.test(part) || architectures.test(part);
}

type IsVersion = (segments: readonly string[], at: number) => boolean;

function nameOf(segments: readonly string[], isVersion: IsVersion, rootName: string): DockerfileName {
  const at = segments.findIndex((_, index) => isVersion(segments, index));
  const first = at < 0 ? segments.length : at;
  // `ros/jammy` and `ros/ubuntu/jammy` are versions of ros.
  const start = first > 1 && systems.test(segments[first - 1]!) ? first - 1 : first;
  const names = segments.slice(0, start);
  const architecture = segments.find((part) => architectures.test(part));
  return {
    name: acceptedName(names.at(-1) ?? rootName) ?? 'image',
    ...versionOf(segments.slice(start)),
    isNameless: names.length === 0,
    ...(architecture === undefined ? {} : { platform: platformOf(architecture) }),
  };
}

function versionOf(segments: readonly string[]): Pick<DockerfileName, 'parts' | 'version'> {
  const parts = segments.flatMap((part) => acceptedVersion(part) ?? []);
  return { parts, version: acceptedVersion(parts.join('-')) ?? 'latest' };
}

function platformOf(architecture: string): string {
  const name = architecture.replace(/^arm64v8$/, 'arm64').replace(/^arm(?:32)?v(\d)$/, 'arm/v$1');
  return normalizePlatform(`linux/${name}`);
}

/** Adds the folders that tell files of one name apart to their versions: `desktop:humble`, `desktop:jazzy`. */
function withFolders(
  named: DockerfileName,
  segments: readonly string[],
  same: readonly (readonly string[])[],
): DockerfileName {
  const telling = segments.filter(
    (part, at) => !named.parts.includes(part) && same.some((other) => other[at] !== part),
  );
  const folders = telling.filter((part) => acceptedName(part) !== named.name);
  return { ...named, ...versionOf([...folders, ...named.parts]) };
}

/**
 * Returns the telling parts of a path: folders, and what is before or after `Dockerfile` in the file's name. `Dockerfile.dev` beside a
 * `Dockerfile` in a folder is a version of the folder's image.
 */
function segmentsOf(path: string, paths: ReadonlySet<string>): string[] {
  const folders = path.split('/');
  const file = folders.pop()!;
  const [, before = '', after = ''] = /^(.*?)[._-]?(?:Dockerfile|Containerfile)[._-]?(.*)$/i.exec(file) ?? [];
  const [, base, version] = /^(.*?)[_-](v?\d[\w.~-]*)$/.exec(before) ?? [];
  const own = base === undefined || base === '' ? [before] : [base, version!];
  const telling = folders.filter((part) => !plainFolders.has(part.toLowerCase()));
  const isVariant = telling.length > 0 && paths.has([...folders, 'Dockerfile'].join('/'));
  return [...telling, ...own, isVariant && after !== '' ? `${variantMark}${after}` : after].filter(Boolean);
}

/** Stands before a part that is a version whatever it looks like. */
const variantMark = '~';

/**
 * Returns which parts are versions. In the root, `tip` is one beside `1.26` if it has the same folders; `alpine` is none if most folders
 * beside it are names.
 */
function versionFolders(all: readonly (readonly string[])[]): IsVersion {
  const below = new Map<string, Set<string>>();
  for (const [first = '', ...rest] of all)
    below.set(first, (below.get(first) ?? new Set()).add(rest.join('/')));
  const versions = [...below.keys()].filter(isVersionLike);
  const areVersions = versions.length * 2 >= below.size;
  const belowVersions = new Set(versions.flatMap((part) => [...below.get(part)!]));
  const isLikeVersions = (part: string): boolean => {
    const folders = [...below.get(part)!];
    return folders.every((folder) => folder !== '' && belowVersions.has(folder));
  };
  return (segments, at) => {
    const part = segments[at]!;
    if (part.startsWith(variantMark) || versionLike.test(part) || architectures.test(part)) return true;
    if (at > 0) return distroLike.test(part);
    return areVersions && (distroLike.test(part) || isLikeVersions(part));
  };
}
