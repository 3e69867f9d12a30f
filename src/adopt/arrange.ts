import type { Axes } from '../model/task.ts';
import { compareVersions } from '../model/versions.ts';
import { type AxisValues, findAxes } from './axes.ts';
import { acceptedName, acceptedVersion, type ImageName, isAcceptedRepo, splitReference } from './names.ts';
import { comparableReference, type ReducedTarget } from './reduce.ts';
import type { Omission } from './target.ts';

/** One version of a definition, and the target that it stands for. */
export interface ArrangedCell {
  readonly target: ReducedTarget;
  readonly version: string;
  readonly axes: Axes;
  /** The tags, the version's own among them, and the moving tags. Empty if the target has none. */
  readonly tags: readonly string[];
  readonly aliases: readonly string[];
}

/** The versions of an image that have the same axes: one definition. */
export interface ArrangedImage extends AxisValues {
  readonly name: string;
  readonly cells: readonly ArrangedCell[];
  /** False: the targets have no tags. */
  readonly publish: boolean;
}

export interface Arrangement {
  /** The repository of the project; undefined if the tags have none. */
  readonly repo: string | undefined;
  readonly images: readonly ArrangedImage[];
  readonly omissions: readonly Omission[];
}

interface Named {
  readonly target: ReducedTarget;
  readonly name: string;
  readonly version: string;
  readonly tags: readonly string[];
  readonly publish: boolean;
}

/** Arranges targets as definitions: by image name, and by the axes of their versions. */
export function arrangeTargets(targets: readonly ReducedTarget[]): Arrangement {
  const omissions: Omission[] = [];
  const repo = chooseRepo(targets);
  const named = targets.flatMap((target) => nameTarget(target, repo, omissions) ?? []);
  const unique = withoutDuplicates(named, omissions);
  const groups = new Map<string, Named[]>();
  for (const each of unique) {
    // A definition has platforms, or else those of the machine.
    const hasPlatforms = each.target.platforms.length > 0;
    const id = [each.name, each.publish, partsOf(each).length, hasPlatforms].join('\n');
    groups.set(id, [...(groups.get(id) ?? []), each]);
  }
  const tags = divideTags(unique, omissions);
  const images = [...groups.values()].map((group): ArrangedImage => {
    const found = findAxes(
      group.map((each) => ({ parts: partsOf(each), args: each.target.args, target: each.target.target })),
    );
    const { name, publish } = group[0]!;
    const cells = group.map(({ target, version: tag }, at): ArrangedCell => {
      const axes = found.cells[at]!;
      const version =
        found.format?.map((part) => (typeof part === 'string' ? part : axes[part.axis])).join('-') ?? tag;
      return { target, version, axes, ...tags.get(target)! };
    });
    return { ...found, name, publish, cells: sortCells(cells, found) };
  });
  return { repo: repo === '' ? undefined : repo, images, omissions };
}

/** Returns the parts of a version: those of its path, or those between its hyphens. */
function partsOf({ version, target: { versionParts } }: Named): readonly string[] {
  return versionParts?.join('-') === version ? versionParts : version.split('-');
}

/** Orders cells as `matrix()` does. */
function sortCells(cells: readonly ArrangedCell[], { axes }: AxisValues): ArrangedCell[] {
  const position = ({ axes: cell }: ArrangedCell): number[] =>
    axes.map(({ name, values }) => values.indexOf(cell[name]!));
  return [...cells].sort((a, b) => {
    const [left, right] = [position(a), position(b)];
    const at = left.findIndex((value, index) => value !== right[index]);
    return at < 0 ? 0 : left[at]! - right[at]!;
  });
}

/** Returns the repository that most targets have a tag in; of several, the first and most specific one. */
function chooseRepo(targets: readonly ReducedTarget[]): string {
  const counts = new Map<string, number>();
  for (const { tags } of targets) {
    const repos = new Set(
      tags.map(splitReference).flatMap((name) => (name === undefined ? [] : parents(name.repo))),
    );
    for (const repo of repos) counts.set(repo, (counts.get(repo) ?? 0) + 1);
  }
  const best = Math.max(0, ...counts.values());
  return [...counts].find(([repo, count]) => count === best && isAcceptedRepo(repo))?.[0] ?? '';
}

/** Returns a repository and those above it: `ghcr.io/team/sub`, `ghcr.io/team`. */
function parents(repo: string): string[] {
  const parts = repo.split('/');
  const all = parts.map((_, at) => parts.slice(0, parts.length - at).join('/'));
  return all.filter((each) => !/^[^/]*[.:][^/]*$|^localhost$/.test(each) || each === repo);
}

function nameTarget(target: ReducedTarget, repo: string, omissions: Omission[]): Named | undefined {
  const omit = (what: string): void => void omissions.push({ place: target.place, what });
  const own: ImageName[] = [];
  for (const tag of target.tags) {
    const parts = splitReference(tag);
    if (parts === undefined) continue;
    if (parts.repo === repo || (repo !== '' && parts.repo.startsWith(`${repo}/`)))
      own.push({ ...parts, name: `${parts.repo.slice(repo.length + 1)}/${parts.name}`.replace(/^\//, '') });
    else if (target.tags.some((other) => splitReference(other)?.repo === repo))
      omit(`the second repository ${parts.repo === '' ? 'docker.io/library' : parts.repo}`);
    else {
      omit(`the repository ${parts.repo}: the image gets the one of the project`);
      own.push(parts);
    }
  }
  const [first] = own;
  if (first === undefined) {
    const name = acceptedName(target.name);
    if (name === undefined) {
      omit(`the target: ${JSON.stringify(target.name)} has no letters or digits to make a name of`);
      return undefined;
    }
    if (target.tags.length === 0 && name !== target.name) omit(`the name ${target.name}: it is ${name} here`);
    return { target, name, version: 'latest', tags: [], publish: false };
  }
  const name = acceptedName(first.name);
  if (name === undefined) {
    omit(`the target: ${JSON.stringify(first.name)} is no name that a registry accepts`);
    return undefined;
  }
  if (name !== first.name) omit(`the name ${first.name}: it is ${name} here`);
  for (const other of new Set(own.filter((each) => each.name !== first.name).map((each) => each.name)))
    omit(`the second name ${other}`);
  const tags = own
    .filter((each) => each.name === first.name)
    .flatMap(({ tag }) => acceptedVersion(tag) ?? []);
  return { target, name, version: mostSpecific(tags), tags: [...new Set(tags)], publish: true };
}

/** Returns the tag with the most numbers and parts: of `16`, `16.13-trixie` and `latest` the second. */
function mostSpecific(tags: readonly string[]): string {
  const rank = (tag: string): number =>
    (tag.match(/\d+/g) ?? []).length * 1000 + tag.split('-').length * 100 + Math.min(tag.length, 99);
  return [...tags].sort((a, b) => rank(b) - rank(a))[0]!;
}

/** Drops targets that others stand for. Targets that differ only in their output are one. */
function withoutDuplicates(named: readonly Named[], omissions: Omission[]): Named[] {
  const seen = new Map<string, Named>();
  return named.filter((each) => {
    const id = `${each.name}:${each.version}`;
    const other = seen.get(id);
    if (other === undefined) {
      seen.set(id, each);
      return true;
    }
    const differing = differingFields(each.target, other.target);
    const what =
      differing.length === 0
        ? `the target: it differs from ${other.target.name} only in its output or platforms`
        : `the target: ${other.target.name} is ${id}, too, and has other ${differing.join(', ')}`;
    omissions.push({ place: each.target.place, what });
    return false;
  });
}

const compared = ['context', 'dockerfile', 'dockerfileText', 'target', 'args', 'labels', 'contexts'] as const;

function differingFields(a: ReducedTarget, b: ReducedTarget): string[] {
  const text = (value: unknown): string =>
    JSON.stringify(
      typeof value === 'object' && value !== null ? Object.entries(value).sort() : (value ?? null),
    );
  return compared.filter((field) => text(a[field]) !== text(b[field]));
}

interface TagsOf {
  readonly tags: readonly string[];
  readonly aliases: readonly string[];
}

/** Returns the tags that each target keeps, and which of them move: a release sets those on the newest version. */
function divideTags(named: readonly Named[], omissions: Omission[]): Map<ReducedTarget, TagsOf> {
  const versions = new Set(named.map(({ name, version }) => `${name}:${version}`));
  const owners = new Map<string, Named[]>();
  return new Map(
    named.map((each) => {
      const [tags, aliases] = [each.publish ? [each.version] : [], [] as string[]];
      for (const tag of each.tags) {
        if (tag === each.version) continue;
        const id = `${each.name}:${tag}`;
        const others = owners.get(id) ?? [];
        const isMoving = isGeneral(tag, each.version);
        const isFree = others.every(
          (other) =>
            isMoving && isGeneral(tag, other.version) && compareVersions(each.version, other.version),
        );
        if (isFree && !versions.has(id)) {
          owners.set(id, [...others, each]);
          (isMoving ? aliases : tags).push(tag);
          continue;
        }
        const owner = versions.has(id) ? 'another target' : others[0]!.target.name;
        omissions.push({ place: each.target.place, what: `the tag ${id}, which ${owner} has, too` });
      }
      return [each.target, { tags, aliases }];
    }),
  );
}

/** Tells whether a tag names a line of versions instead of one: `16` or `latest` of `16.13`. */
function isGeneral(tag: string, version: string): boolean {
  if (!/\d/.test(tag)) return true;
  const parts = version.split('-');
  return tag.split('-').some((part, at) => {
    const whole = parts[at];
    return (
      (/^v?\d/.test(part) && whole !== undefined && whole !== part && whole.startsWith(`${part}.`)) ||
      isPreview(part, whole)
    );
  });
}

/** `19` of `19beta3`. */
function isPreview(part: string, whole: string | undefined): boolean {
  return (
    /^\d+$/.test(part) && whole !== undefined && new RegExp(`^${part}(~|alpha|beta|rc|devel)`).test(whole)
  );
}

/** Returns the references that a cell publishes, without those that are dropped. */
export function referencesOf(
  { name }: ArrangedImage,
  { tags, aliases }: ArrangedCell,
  repo: string | undefined,
): string[] {
  const prefix = repo === undefined ? '' : `${repo}/`;
  return [...tags, ...aliases].map((tag) => comparableReference(`${prefix}${name}:${tag}`));
}
