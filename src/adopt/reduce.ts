import { contextName, normalizeReference } from '../model/reference.ts';
import { findVolatile, type Moment } from '../plan/volatile-values.ts';
import type { ForeignTarget, Omission } from './target.ts';
import { type UsedImage, type UsedParts, usedParts } from './used-parts.ts';

/** A target without what definitions cannot say or a build does not use. */
export interface ReducedTarget extends ForeignTarget {
  /** Those that do not differ in every build or commit. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Labels that differ in every build or commit. Their values do not count. */
  readonly volatileLabels: Readonly<Record<string, string>>;
  /** The images that its Dockerfile names, as it resolves them, with the ARG that holds the whole name. */
  readonly images: readonly UsedImage[];
  /** The names of its stages, in lower case. */
  readonly stages: readonly string[];
}

/** What targets are compared with: the text of a Dockerfile, undefined if there is none; and the time. */
export interface ReduceSources {
  dockerfile(path: string): string | undefined;
  readonly moment: Moment;
}

/** Labels that say when and from what an image was built (OCI image specification, annotations). */
const volatileNames =
  /(^|[._-])(created|revision|build[._-]?date|build[._-]?time|vcs-ref|commit|git[._-]?(sha|commit))$/i;
/** `202611281435` in a tag. A date alone may be a version. */
const timestamp = /(?<!\d)20\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])([01]\d|2[0-3])[0-5]\d([0-5]\d)?(?!\d)/;
/** Args that BuildKit uses without a declaration. */
const undeclaredArgs = /^BUILDKIT_|^SOURCE_DATE_EPOCH$|^(https?|ftp|no|all)_proxy$/i;

/** Returns targets as definitions can say them, and what was left out. Pure: `sources` has the texts. */
export function reduceTargets(
  targets: readonly ForeignTarget[],
  sources: ReduceSources,
): { readonly targets: ReducedTarget[]; readonly omissions: Omission[] } {
  const omissions: Omission[] = [];
  const analyzed = new Map<string, UsedParts | string>();
  const reduced = targets.flatMap((target) => {
    const omit = (what: string): void => void omissions.push({ place: target.place, what });
    const id = JSON.stringify([
      target.dockerfile,
      target.dockerfileText,
      target.target,
      target.args,
      Object.keys(target.contexts),
    ]);
    if (!analyzed.has(id)) analyzed.set(id, analyzeTarget(target, sources));
    const used = analyzed.get(id)!;
    if (typeof used !== 'string') return reduceTarget(target, used, sources.moment, omit) ?? [];
    // No builder accepts it, and it would keep all others from being planned.
    omit(`the target, which cannot be built like this: ${used}`);
    return [];
  });
  return { targets: reduced, omissions };
}

function reduceTarget(
  target: ForeignTarget,
  used: UsedParts,
  moment: Moment,
  omit: (what: string) => void,
): ReducedTarget | undefined {
  const platforms = linuxPlatforms(target.platforms, omit);
  if (platforms === undefined) return undefined;
  const args = Object.entries(target.args).filter(([name]) => {
    const isUsed = used.args.has(name) || undeclaredArgs.test(name);
    if (!isUsed) omit(`the arg ${name}, which the Dockerfile does not declare`);
    return isUsed;
  });
  for (const [name, value] of args)
    if (findVolatile(value, moment) !== undefined)
      omit(`the arg ${name} as something new in each build: it is written as it is now`);
  const contexts = Object.entries(target.contexts).filter(([name]) => {
    const isUsed = !used.unusedContexts.has(contextName(name));
    if (!isUsed) omit(`the context ${name}, which the Dockerfile does not use`);
    return isUsed;
  });
  const isVolatile = ([name, value]: [string, string]): boolean =>
    volatileNames.test(name) || findVolatile(value, moment) !== undefined;
  const tags = target.tags.filter((tag) => {
    if (tag.includes('@') || tag === '') return false;
    const what = timestamp.test(tag) ? 'time' : findVolatile(tag.slice(tag.lastIndexOf(':')), moment);
    if (what !== undefined) omit(`tags that contain the ${what}`);
    return what === undefined;
  });
  const labels = Object.entries(target.labels);
  const annotations = Object.entries(target.annotations ?? {}).filter((annotation) => {
    if (isVolatile(annotation)) omit(`the annotation ${annotation[0]}, which is new in each build`);
    return !isVolatile(annotation);
  });
  return {
    ...target,
    platforms,
    annotations: Object.fromEntries(annotations),
    args: Object.fromEntries(args),
    contexts: Object.fromEntries(contexts),
    labels: Object.fromEntries(labels.filter((label) => !isVolatile(label))),
    volatileLabels: Object.fromEntries(labels.filter(isVolatile)),
    tags,
    images: used.images,
    stages: used.stages,
  };
}

/** Returns what the Dockerfile of a target uses, or why that is not known. */
function analyzeTarget(target: ForeignTarget, sources: ReduceSources): UsedParts | string {
  const text = target.dockerfileText ?? sources.dockerfile(target.dockerfile);
  return text === undefined ? `there is no ${target.dockerfile}` : usedParts(target, text);
}

/** Returns the platforms that a definition can have; undefined if there are only others. */
function linuxPlatforms(
  platforms: readonly string[],
  omit: (what: string) => void,
): readonly string[] | undefined {
  const isLinux = (platform: string): boolean => /^linux\/[a-z0-9]+(\/[a-z0-9]+)?$/.test(platform);
  // Bake's `local` is the platform of the machine, which definitions have without a word.
  const others = platforms.filter((platform) => !isLinux(platform) && platform !== 'local');
  const left = platforms.filter(isLinux);
  if (others.length > 0 && others.length === platforms.length) {
    omit(`the target: it is built for ${others.join(', ')}, and tasks builds Linux images`);
    return undefined;
  }
  if (others.length > 0) omit(`the platform ${others.join(', ')}: tasks builds Linux images`);
  if (left.length > 0 && platforms.includes('local')) omit("the platform local, the machine's own");
  return left;
}

/** Returns a form of a reference that equal images have in common. */
export function comparableReference(reference: string): string {
  return normalizeReference(reference) ?? reference;
}
