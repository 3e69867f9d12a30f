import { asTag } from '../graph/names.ts';
import type { ArrangedCell, ArrangedImage } from './arrange.ts';
import { type ImageNeeds, isPlainNeed } from './find-needs.ts';
import { type helpers, key, literal, makeFolder, type Table } from './fold.ts';
import type { Omission } from './target.ts';
import { type CommonValues, functionWidth, makeWriter, type Value, type Writer } from './write-fields.ts';
import { writeMatrix } from './write-matrix.ts';
import { list, object } from './write-text.ts';

export interface WriteContext {
  /** The name of each definition's constant. */
  nameOf(image: ArrangedImage): string;
  /** Returns a name that the file does not have yet. */
  takeName(hint: string): string;
  /** Args and labels that all definitions have, by the field, with the name of the constant that holds them. */
  readonly common: Readonly<Record<'args' | 'labels', CommonValues | undefined>>;
  /** The constant that holds a list of versions, if several definitions have it. */
  listName(values: readonly string[]): string | undefined;
  /** Labels that `project()` sets. */
  readonly projectLabels: ReadonlySet<string>;
  /** TypeScript for the value of a volatile label. */
  volatileValue(name: string): string;
  readonly omissions: Omission[];
}

export interface WrittenImage {
  readonly text: string;
  readonly helpers: ReadonlySet<keyof typeof helpers>;
  readonly usesMatrix: boolean;
}

/** Writes one definition, with the tables that it uses before it. */
export function writeImage(image: ArrangedImage, needs: ImageNeeds, context: WriteContext): WrittenImage {
  const { cells, axes, format } = image;
  const isPlain = format === undefined;
  const cellsName = isPlain ? undefined : context.takeName(`${context.nameOf(image)} cells`);
  const axisNames = axes.map(({ name }) => name);
  const folder = makeFolder(
    { axes: axisNames, cells: cells.map((cell) => cell.axes), isPlain },
    context.takeName,
  );
  const writer = makeWriter(image, folder);
  const { targets } = writer;
  const fields: string[] = [`name: ${literal(image.name)}`];
  const add = (name: string, value: Value | undefined): void => {
    if (value === undefined) return;
    const isObject = value.text.startsWith('{');
    const parameter = isPlain ? 'version' : 'c';
    fields.push(
      `${name}: ${value.isConstant ? value.text : `(${parameter}) => ${isObject ? `(${value.text})` : value.text}`}`,
    );
  };
  if (isPlain) {
    const versions = cells.map(({ version }) => literal(version));
    if (cells.length > 1 || cells[0]!.version !== 'latest')
      fields.push(
        `versions: ${context.listName(cells.map(({ version }) => version)) ?? list(versions, 2, 'versions: '.length)}`,
      );
  } else fields.push(`versions: ${cellsName}`);
  add(
    'context',
    writer.string(
      targets.map(({ context: folder }) => folder),
      'context',
    ),
  );
  const isDefault = targets.every(
    (each) => each.dockerfileText === undefined && each.dockerfile === defaultDockerfile(each.context),
  );
  if (targets.some(({ dockerfileText }) => dockerfileText !== undefined))
    add('dockerfile', writer.dockerfileText());
  else if (!isDefault)
    add(
      'dockerfile',
      writer.string(
        targets.map(({ dockerfile }) => dockerfile),
        'dockerfile',
      ),
    );
  if (targets.some(({ target }) => target !== undefined))
    add(
      'target',
      writer.optionalString(
        targets.map(({ target }) => target),
        'target',
      ),
    );
  add(
    'args',
    writer.record(
      cells.map((_, at) => ownArgs(image, needs, at)),
      context.common.args,
    ),
  );
  add('needs', writeNeeds(image, needs, writer, context));
  add('contexts', writer.record(needs.contexts));
  add(
    'labels',
    writer.record(
      targets.map(({ labels }) => labels),
      context.common.labels,
    ),
  );
  add('annotations', writer.record(targets.map(({ annotations }) => annotations)));
  const volatile = [...new Set(targets.flatMap(({ volatileLabels }) => Object.keys(volatileLabels)))].filter(
    (name) => !context.projectLabels.has(name),
  );
  if (volatile.length > 0)
    fields.push(
      `volatileLabels: ${object(
        volatile.map((name) => `${key(name)}: ${context.volatileValue(name)}`),
        2,
      )}`,
    );
  if (!image.publish) fields.push('publish: false');
  else {
    const own = cells.map(({ version, tags }) =>
      tags.length === 1 && tags[0] === asTag(version) ? [] : tags,
    );
    if (own.some((tags) => tags.length > 0))
      add(
        'tags',
        writer.list(
          cells.map(({ tags }) => tags),
          'tag',
          true,
        ),
      );
    add(
      'aliases',
      writer.list(
        cells.map(({ aliases }) => aliases),
        'alias',
        true,
      ),
    );
  }
  addOptions(image, add, writer, context.omissions);
  const platforms = targets.map((each) => each.platforms);
  if (platforms.every((each) => each.length > 0)) add('platforms', writer.list(platforms, 'platform'));
  const implied =
    needs.implied.length === 0
      ? []
      : [
          `// Its Dockerfiles name other versions of it (${needs.implied[0]}): tasks finds these needs itself.`,
        ];
  const body = fields.map((field) => `  ${field},`).join('\n');
  const matrix = isPlain ? [] : [writeMatrix(image, cellsName!, context)];
  const definition = `export const ${context.nameOf(image)} = image({\n${body}\n});`;
  const text = [...folder.tables.map(writeTable), ...matrix, [...implied, definition].join('\n')].join(
    '\n\n',
  );
  return { text, helpers: folder.helpers, usesMatrix: !isPlain };
}

/** Returns the args of a cell that no need replaces. */
export function ownArgs(
  { cells }: ArrangedImage,
  { replacedArgs }: ImageNeeds,
  at: number,
): Readonly<Record<string, string>> {
  const args = Object.entries(cells[at]!.target.args);
  return Object.fromEntries(args.filter(([name]) => !replacedArgs[at]!.has(name)));
}

function defaultDockerfile(context: string): string {
  return context === '.' ? 'Dockerfile' : `${context}/Dockerfile`;
}

function writeTable({ name, entries, isComplete }: Table): string {
  const rows = entries.map(([name, value]) => `${key(name)}: ${literal(value)}`);
  const type = isComplete ? '' : ': Record<string, string>';
  return `const ${name}${type} = ${object(rows, 0, `const ${name}${type} = `.length)};`;
}

function writeNeeds(
  image: ArrangedImage,
  { needs }: ImageNeeds,
  writer: Writer,
  context: WriteContext,
): Value | undefined {
  if (needs.length === 0) return undefined;
  let isConstant = true;
  const entries = needs.map((need) => {
    const { condition, value } = writer.optional(
      need.uses.map((use) => use?.key),
      'base name',
    );
    const name = value.isConstant ? key(need.uses.find((use) => use !== undefined)!.key) : `[${value.text}]`;
    const definition = context.nameOf(need.image);
    let target = definition;
    if (!isPlainNeed(image, need)) {
      const version = writer.optional(
        need.uses.map((use) => use?.cell.version),
        'base version',
      ).value;
      target = `${definition}.at(${version.text})`;
      isConstant &&= version.isConstant;
    }
    isConstant &&= condition === undefined && value.isConstant;
    const entry = name === target ? name : `${name}: ${target}`;
    return condition === undefined ? entry : `...(${condition} && { ${entry} })`;
  });
  return { text: object(entries, 2, functionWidth), isConstant };
}

/** Adds the options of the build that are equal in all cells. */
function addOptions(
  { cells }: ArrangedImage,
  add: (name: string, value: Value | undefined) => void,
  writer: Writer,
  omissions: Omission[],
): void {
  const names = [
    ...new Set(writer.targets.flatMap(({ options }) => Object.keys(options))),
  ] as (keyof ArrangedCell['target']['options'])[];
  for (const name of names) {
    const values = writer.targets.map(({ options }) => JSON.stringify(options[name] ?? null));
    const different = values.findIndex((value) => value !== values[0]);
    if (different < 0) add(name, { text: jsonText(writer.targets[0]!.options[name]), isConstant: true });
    else
      omissions.push({
        place: cells[different]!.target.place,
        what: `${name}, which other versions have otherwise`,
      });
  }
}

function jsonText(value: unknown): string {
  if (typeof value === 'string') return literal(value);
  if (Array.isArray(value)) return list(value.map(jsonText), 2);
  if (typeof value === 'object' && value !== null)
    return object(
      Object.entries(value).map(([name, each]) => `${key(name)}: ${jsonText(each)}`),
      2,
    );
  return String(value);
}
