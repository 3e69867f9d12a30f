import type { ArrangedImage, Arrangement } from './arrange.ts';
import { findNeeds, type ImageNeeds } from './find-needs.ts';
import { helpers, key, literal } from './fold.ts';
import { uniqueNames } from './names.ts';
import type { Omission } from './target.ts';
import type { CommonValues } from './write-fields.ts';
import { ownArgs, type WrittenImage, writeImage } from './write-image.ts';
import { list, object } from './write-text.ts';

export interface WrittenDefinitions {
  readonly text: string;
  readonly omissions: readonly Omission[];
}

/** Writes an arrangement as a TypeScript module. `source`: the files that it comes from, for the first line. */
export function writeDefinitions(arrangement: Arrangement, source: string): WrittenDefinitions {
  const omissions: Omission[] = [];
  const takeName = uniqueNames();
  const names = new Map(
    arrangement.images.map((image) => [image, takeName(constantHint(image, arrangement))]),
  );
  const found = findNeeds(arrangement, omissions);
  const { images, needs } = orderImages(arrangement.images, found);
  const projectLabels = sharedLabels(arrangement);
  const volatile = new Set(
    images.flatMap(({ cells }) => cells.flatMap(({ target }) => Object.keys(target.volatileLabels))),
  );
  const volatileValue = (name: string): string =>
    /(created|date|time)$/i.test(name) ? 'new Date().toISOString()' : 'revision';
  const common = {
    args: commonValues(
      'args',
      images.map((image) => image.cells.map((_, at) => ownArgs(image, needs.get(image)!, at))),
      takeName,
    ),
    labels: commonValues(
      'labels',
      images.map(({ cells }) => cells.map(({ target }) => target.labels)),
      takeName,
    ),
  };
  const lists = sharedLists(images, takeName);
  const written = images.map((image) =>
    writeImage(image, needs.get(image)!, {
      nameOf: (each) => names.get(each)!,
      takeName,
      common,
      listName: (values) => lists.get(values.join('\n')),
      projectLabels,
      volatileValue,
      omissions,
    }),
  );
  const needsRevision = [...volatile].some((name) => volatileValue(name) === 'revision');
  const text = [
    `// Written by \`tasks init\` from ${source}. Change it as you like: nothing writes it again.`,
    `${importLine(written, arrangement.repo !== undefined || projectLabels.size > 0)}\n`,
    ...(needsRevision ? [revisionText] : []),
    ...helpersOf(written),
    ...projectText(arrangement.repo, projectLabels, volatileValue),
    ...[...lists].map(([values, name]) => writeList(name, values.split('\n'))),
    ...Object.values(common).flatMap((each) => (each === undefined ? [] : [`${writeCommon(each)}\n`])),
    ...written.map((each) => `${each.text}\n`),
  ].join('\n');
  return { text, omissions };
}

/** The commit, as CI services name it. `process` is declared because the editor may not know Node's types. */
const revisionText = `declare const process: { readonly env: Readonly<Record<string, string | undefined>> };
const { env } = process;
/** The commit that an image is built from. It is in no key. */
const revision = env.GITHUB_SHA ?? env.CI_COMMIT_SHA ?? '';
`;

function importLine(written: readonly WrittenImage[], hasProject: boolean): string {
  const names = [
    'image',
    ...(written.some(({ usesMatrix }) => usesMatrix) ? ['matrix'] : []),
    ...(hasProject ? ['project'] : []),
  ];
  return `import { ${names.join(', ')} } from 'image-tasks';`;
}

function helpersOf(written: readonly WrittenImage[]): string[] {
  const used = new Set(written.flatMap((each) => [...each.helpers]));
  const lines = (Object.keys(helpers) as (keyof typeof helpers)[])
    .filter((name) => used.has(name))
    .map((name) => helpers[name]);
  return lines.length === 0 ? [] : [`${lines.join('\n')}\n`];
}

function projectText(
  repo: string | undefined,
  labels: ReadonlySet<string>,
  textOf: (name: string) => string,
): string[] {
  const fields = [
    ...(repo === undefined ? [] : [`repo: ${literal(repo)}`]),
    ...(labels.size === 0
      ? []
      : [
          `volatileLabels: ${object(
            [...labels].map((name) => `${key(name)}: ${textOf(name)}`),
            2,
          )}`,
        ]),
  ];
  return fields.length === 0
    ? []
    : [`export default project(${object(fields, 0, 'export default project('.length)});\n`];
}

/** Returns the values that all definitions have, in a constant; undefined if that is not worth it. */
function commonValues(
  field: string,
  images: readonly (readonly Readonly<Record<string, string>>[])[],
  takeName: (hint: string) => string,
): CommonValues | undefined {
  const all = images.flat();
  const shared = Object.entries(all[0] ?? {}).filter(([name, value]) =>
    all.every((each) => each[name] === value),
  );
  if (images.length < 2 || shared.length < 2) return undefined;
  return { name: takeName(`common ${field}`), values: Object.fromEntries(shared) };
}

/** Returns names for long lists of versions that several definitions have, by their values in lines. */
function sharedLists(
  images: readonly ArrangedImage[],
  takeName: (hint: string) => string,
): Map<string, string> {
  const counts = new Map<string, number>();
  for (const { format, axes, cells } of images) {
    const all =
      format === undefined ? [cells.map(({ version }) => version)] : axes.map(({ values }) => values);
    for (const values of all) counts.set(values.join('\n'), (counts.get(values.join('\n')) ?? 0) + 1);
  }
  const shared = [...counts].filter(([values, count]) => count > 1 && values.length > 40);
  return new Map(shared.map(([values]) => [values, takeName('versions')]));
}

function writeList(name: string, values: readonly string[]): string {
  const start = `const ${name} = `;
  return `${start}${list(values.map(literal), 0, start.length + ' as const'.length)} as const;\n`;
}

function writeCommon({ name, values }: CommonValues): string {
  const rows = Object.entries(values).map(([each, value]) => `${key(each)}: ${literal(value)}`);
  return `const ${name} = ${object(rows, 0, `const ${name} = `.length)};`;
}

/** Returns the volatile labels that all targets have. */
function sharedLabels({ images }: Arrangement): Set<string> {
  const targets = images.flatMap(({ cells }) => cells.map(({ target }) => target));
  const names = Object.keys(targets[0]?.volatileLabels ?? {});
  return new Set(
    names.filter((name) => targets.every(({ volatileLabels }) => Object.hasOwn(volatileLabels, name))),
  );
}

/** Definitions of one image name differ in the fixed parts of their versions. */
function constantHint(image: ArrangedImage, { images }: Arrangement): string {
  if (images.filter(({ name }) => name === image.name).length === 1) return image.name;
  const fixed = image.format?.filter((part) => typeof part === 'string') ?? [];
  return [image.name, ...fixed].join('-');
}

/** Orders definitions so that each one follows what it needs. A need that would close a circle is left to the Dockerfile. */
function orderImages(
  images: readonly ArrangedImage[],
  found: ReadonlyMap<ArrangedImage, ImageNeeds>,
): { images: ArrangedImage[]; needs: Map<ArrangedImage, ImageNeeds> } {
  const ordered: ArrangedImage[] = [];
  const open = new Set<ArrangedImage>();
  const needs = new Map<ArrangedImage, ImageNeeds>();
  const visit = (image: ArrangedImage): void => {
    if (needs.has(image) || open.has(image)) return;
    open.add(image);
    const own = found.get(image)!;
    for (const need of own.needs) visit(need.image);
    open.delete(image);
    const kept = own.needs.filter((need) => needs.has(need.image));
    const dropped = own.needs.filter((need) => !needs.has(need.image));
    const implied = dropped.flatMap(({ uses }) => uses.find((use) => use !== undefined)?.key ?? []);
    const replacedArgs = own.replacedArgs.map(
      (args) => new Set([...args].filter((name) => !implied.includes(name))),
    );
    needs.set(image, { ...own, needs: kept, replacedArgs, implied: [...own.implied, ...implied] });
    ordered.push(image);
  };
  for (const image of images) visit(image);
  return { images: ordered, needs };
}
