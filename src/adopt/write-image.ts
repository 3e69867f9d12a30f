import { asTag } from '../graph/names.ts';
import type { ArrangedCell, ArrangedImage } from './arrange.ts';
import { type ImageNeeds, isPlainNeed } from './find-needs.ts';
import { type Folder, type helpers, key, literal, makeFolder, type Table } from './fold.ts';
import type { Omission } from './target.ts';
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

export interface CommonValues {
  readonly name: string;
  readonly values: Readonly<Record<string, string>>;
}

export interface WrittenImage {
  readonly text: string;
  readonly helpers: ReadonlySet<keyof typeof helpers>;
  readonly usesMatrix: boolean;
}

/** A field of a definition: its value per cell. */
interface Value {
  readonly text: string;
  readonly isConstant: boolean;
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

/** The width of `contexts: (version) => ` before a value. */
const functionWidth = 24;

function defaultDockerfile(context: string): string {
  return context === '.' ? 'Dockerfile' : `${context}/Dockerfile`;
}

function writeTable({ name, entries, isComplete }: Table): string {
  const rows = entries.map(([name, value]) => `${key(name)}: ${literal(value)}`);
  const type = isComplete ? '' : ': Record<string, string>';
  return `const ${name}${type} = ${object(rows, 0, `const ${name}${type} = `.length)};`;
}

function writeMatrix({ axes, format, cells }: ArrangedImage, name: string, context: WriteContext): string {
  const rows = axes.map(
    ({ name: axis, values }) =>
      `${key(axis)}: ${context.listName(values) ?? list(values.map(literal), 4, key(axis).length + 2)}`,
  );
  const parts = format!.map((part) =>
    typeof part === 'string' ? part.replace(/[\\`]|\$(?=\{)/g, '\\$&') : `\${c.${part.axis}}`,
  );
  const [only] = format!;
  const version =
    format!.length === 1 && typeof only === 'object' ? `c.${only.axis}` : `\`${parts.join('-')}\``;
  const exclude = excluded(axes, cells);
  return [
    `const ${name} = matrix(`,
    `  ${object(rows, 2)},`,
    `  ${object([`version: (c) => ${version}`, ...(exclude === undefined ? [] : [`exclude: (c) => ${exclude}`])], 2)},`,
    ');',
  ].join('\n');

  /** Returns the condition of the combinations that no target has. */
  function excluded(all: ArrangedImage['axes'], present: readonly ArrangedCell[]): string | undefined {
    let grid: Record<string, string>[] = [{}];
    for (const axis of all)
      grid = grid.flatMap((cell) => axis.values.map((value) => ({ ...cell, [axis.name]: value })));
    const has = new Set(present.map((cell) => JSON.stringify(all.map((axis) => cell.axes[axis.name]))));
    const isMissing = grid.map((cell) => !has.has(JSON.stringify(all.map((axis) => cell[axis.name]))));
    if (!isMissing.includes(true)) return undefined;
    return makeFolder(
      { axes: all.map((axis) => axis.name), cells: grid, isPlain: false },
      (hint) => hint,
    ).condition(isMissing);
  }
}

type Writer = ReturnType<typeof makeWriter>;

function makeWriter({ cells }: ArrangedImage, folder: Folder) {
  const targets = cells.map(({ target }) => target);
  /** Returns the expression of values that only some cells have, and the condition of these cells. */
  const optional = (
    values: readonly (string | undefined)[],
    hint: string,
    isTag = false,
  ): { condition: string | undefined; value: Value } => {
    const condition = folder.condition(values.map((value) => value !== undefined));
    return { condition, value: folder.text(values, hint, isTag) };
  };
  return {
    targets,
    optional,
    string: (values: readonly string[], hint: string): Value => folder.text(values, hint),
    optionalString(values: readonly (string | undefined)[], hint: string): Value {
      const { condition, value } = optional(values, hint);
      return condition === undefined
        ? value
        : { text: `${condition} ? ${value.text} : undefined`, isConstant: false };
    },
    dockerfileText(): Value {
      const value = folder.text(
        targets.map((each) => each.dockerfileText ?? ''),
        'dockerfile text',
      );
      return { text: `{ text: ${value.text} }`, isConstant: value.isConstant };
    },
    /** An object; undefined if it is empty in all cells. */
    record(values: readonly Readonly<Record<string, string>>[], common?: CommonValues): Value | undefined {
      const all = [...new Set(values.flatMap((value) => Object.keys(value)))];
      if (all.length === 0) return undefined;
      const names = all.filter((name) => common === undefined || !Object.hasOwn(common.values, name));
      if (names.length === 0) return { text: common!.name, isConstant: true };
      let isConstant = true;
      const entries = names.map((name) => {
        const { condition, value } = optional(
          values.map((each) => (Object.hasOwn(each, name) ? each[name] : undefined)),
          name.split('.').slice(-2).join(' '),
        );
        isConstant &&= value.isConstant && condition === undefined;
        const entry = `${key(name)}: ${value.text}`;
        return condition === undefined ? entry : `...(${condition} && { ${entry} })`;
      });
      if (common !== undefined) entries.unshift(`...${common.name}`);
      return { text: object(entries, 2, functionWidth), isConstant };
    },
    /** A list; undefined if it is empty in all cells. */
    list(values: readonly (readonly string[])[], hint: string, isTag = false): Value | undefined {
      const length = Math.max(...values.map((value) => value.length));
      if (length === 0) return undefined;
      let isConstant = true;
      const entries = Array.from({ length }, (_, at) => {
        const { condition, value } = optional(
          values.map((each) => each[at]),
          hint,
          isTag,
        );
        isConstant &&= value.isConstant && condition === undefined;
        if (condition === undefined) return value.text;
        return `...(${condition} ? [${value.text}] : [])`;
      });
      return { text: list(entries, 2, functionWidth), isConstant };
    },
  };
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
