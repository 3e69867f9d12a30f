import { contextName } from '../model/reference.ts';
import type { Axes } from '../model/task.ts';
import { type ArrangedCell, type ArrangedImage, type Arrangement, referencesOf } from './arrange.ts';
import { comparableReference } from './reduce.ts';
import type { Omission } from './target.ts';

/** An image of the project that another one is built on, by cell of the needing image. */
export interface FoundNeed {
  readonly image: ArrangedImage;
  /** Per cell of the image that needs it: the ARG or the image name in the Dockerfile, and the needed cell. */
  readonly uses: readonly (NeedUse | undefined)[];
}

interface NeedUse {
  readonly key: string;
  readonly cell: ArrangedCell;
}

export interface ImageNeeds {
  readonly needs: readonly FoundNeed[];
  /** Args that needs replace, by cell. */
  readonly replacedArgs: readonly ReadonlySet<string>[];
  /** Contexts of other targets, by cell: those that are left, as addresses. */
  readonly contexts: readonly Readonly<Record<string, string>>[];
  /** Images of the project that the Dockerfiles name and that no entry of `needs` says: tasks finds them by itself. */
  readonly implied: readonly string[];
}

interface Owner {
  readonly image: ArrangedImage;
  readonly cell: ArrangedCell;
}

/** Finds what each definition needs, from the images that Dockerfiles name and from contexts that are other targets. */
export function findNeeds(
  { images, repo }: Arrangement,
  omissions: Omission[],
): ReadonlyMap<ArrangedImage, ImageNeeds> {
  const byReference = new Map<string, Owner>();
  const byTarget = new Map<string, Owner>();
  for (const image of images)
    for (const cell of image.cells) {
      byTarget.set(cell.target.name, { image, cell });
      for (const reference of referencesOf(image, cell, repo)) byReference.set(reference, { image, cell });
    }
  return new Map(images.map((image) => [image, needsOf(image, { byReference, byTarget, repo }, omissions)]));
}

interface Index {
  readonly byReference: ReadonlyMap<string, Owner>;
  readonly byTarget: ReadonlyMap<string, Owner>;
  readonly repo: string | undefined;
}

function needsOf(
  image: ArrangedImage,
  { byReference, byTarget, repo }: Index,
  omissions: Omission[],
): ImageNeeds {
  const slots = new Map<string, { image: ArrangedImage; uses: (NeedUse | undefined)[] }>();
  const implied = new Set<string>();
  const replacedArgs = image.cells.map(() => new Set<string>());
  const use = (at: number, slot: string, owner: Owner, key: string): void => {
    const id = `${slot}\n${owner.image.name}\n${owner.image.cells[0]!.version}`;
    const known = slots.get(id) ?? { image: owner.image, uses: image.cells.map(() => undefined) };
    known.uses[at] = { key, cell: owner.cell };
    slots.set(id, known);
  };
  const contexts = image.cells.map((cell, at) => {
    const { target } = cell;
    let number = 0;
    for (const { reference, arg } of target.images) {
      const owner = byReference.get(comparableReference(reference));
      if (owner === undefined || owner.cell === cell || isOfficial(owner, reference)) continue;
      if (owner.image === image) implied.add(reference);
      else if (arg === undefined) use(at, String(number++), owner, reference);
      else {
        use(at, arg, owner, arg);
        replacedArgs[at]!.add(arg);
      }
    }
    return Object.fromEntries(
      Object.entries(target.contexts).flatMap(([name, source]): [string, string][] => {
        const owner = /^(target|service):/.test(source)
          ? byTarget.get(source.replace(/^\w+:/, ''))
          : undefined;
        if (!/^(target|service):/.test(source)) return [[name, source]];
        const [reference] = owner === undefined ? [] : referencesOf(owner.image, owner.cell, repo);
        const isStage = target.stages.includes(contextName(name));
        if (owner !== undefined && owner.image !== image && !isStage) use(at, `context ${name}`, owner, name);
        else if (reference !== undefined) return [[name, `docker-image://${reference}`]];
        else omissions.push({ place: target.place, what: `the context ${name}: ${source}` });
        return [];
      }),
    );
  });
  return { needs: [...slots.values()], replacedArgs, contexts, implied: [...implied] };
}

/** A Dockerfile in `nginx/` that begins with `FROM nginx` is not the nginx that others mean. */
function isOfficial({ cell }: Owner, reference: string): boolean {
  const nameOf = (each: string): string => comparableReference(each).replace(/:[^/:]*$/, '');
  const name = nameOf(reference);
  return (
    name.startsWith('docker.io/library/') &&
    cell.target.images.some((each) => nameOf(each.reference) === name)
  );
}

/** Tells whether `needs: { KEY: definition }` means exactly the cells that are used; the rule is that of graph/candidates.ts. */
export function isPlainNeed(needing: ArrangedImage, need: FoundNeed): boolean {
  const axesOf = (image: ArrangedImage, { version, axes }: ArrangedCell): Axes =>
    image.format === undefined ? { version } : axes;
  const candidates = need.image.cells;
  return needing.cells.every((cell, at) => {
    const used = need.uses[at];
    if (used === undefined) return true;
    const own = axesOf(needing, cell);
    const shared = Object.keys(own).filter((axis) => axis in axesOf(need.image, candidates[0]!));
    const sameVersion = candidates.filter(({ version }) => version === cell.version);
    const byVersion = sameVersion.length === 1 ? sameVersion : candidates;
    const found =
      shared.length === 0 || shared.join() === 'version'
        ? byVersion
        : candidates.filter((each) => shared.every((axis) => axesOf(need.image, each)[axis] === own[axis]));
    return found.length === 1 && found[0] === used.cell;
  });
}
