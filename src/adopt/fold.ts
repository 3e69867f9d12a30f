import type { Axes } from '../model/task.ts';

/** A value that differs between the cells of a definition, as an expression: `c.pg`, or the name of a table. */
interface Varying {
  readonly expression: string;
  readonly values: readonly string[];
}

/** A table that an expression looks values up in. */
export interface Table {
  readonly name: string;
  readonly entries: readonly (readonly [key: string, value: string])[];
  /** The table has an entry for each value of an axis. Otherwise its keys are any strings. */
  readonly isComplete: boolean;
}

/** The cells of a definition: the axes of its matrix, or a plain list of versions with the axis `version` alone. */
export interface Cells {
  readonly axes: readonly string[];
  readonly cells: readonly Axes[];
  /** True: functions get the version, a string, instead of a cell. */
  readonly isPlain: boolean;
}

/** TypeScript text. `isConstant`: it does not use the cell. */
export interface Expression {
  readonly text: string;
  readonly isConstant: boolean;
}

/** Writes the values that a field has in the cells of a definition as TypeScript. */
export interface Folder {
  /**
   * Returns an expression for values, one per cell. Undefined: any value will do. `hint`: what a table of them is called. `isTag`: the
   * values are tags, which leave out `~`.
   */
  text(values: readonly (string | undefined)[], hint: string, isTag?: boolean): Expression;
  /** Returns a condition that is true in exactly these cells; undefined if it is true in all. */
  condition(holds: readonly boolean[]): string | undefined;
  /** The tables that expressions refer to. */
  readonly tables: readonly Table[];
  /** Helpers that expressions call. */
  readonly helpers: ReadonlySet<HelperName>;
}

/** Functions that generated definitions may declare. */
export const helpers = {
  major: 'const major = (version: string): string => /^\\d+/.exec(version)![0];',
  minor: 'const minor = (version: string): string => /^\\d+\\.\\d+/.exec(version)![0];',
  folders: "const folders = (version: string): string => version.replaceAll('-', '/');",
} as const;
export type HelperName = keyof typeof helpers;

const derive: Readonly<Record<HelperName, (value: string) => string | undefined>> = {
  major: (value) => /^\d+/.exec(value)?.[0],
  minor: (value) => /^\d+\.\d+/.exec(value)?.[0],
  folders: (value) => value.replaceAll('-', '/'),
};

/** `takeName` returns a name that no other table or definition of the file has. */
export function makeFolder({ axes, cells, isPlain }: Cells, takeName: (hint: string) => string): Folder {
  const tables: Table[] = [];
  const used = new Set<HelperName>();
  const valuesOf = (axis: string): string[] => cells.map((cell) => cell[axis]!);
  const reference = (axis: string): string => (isPlain ? 'version' : property('c', axis));
  const symbols: (Varying & { helper?: HelperName })[] = axes.flatMap((axis) => {
    const values = valuesOf(axis);
    const derived = (Object.keys(derive) as HelperName[]).flatMap((helper) => {
      const found = values.map(derive[helper]);
      if (found.some((each) => each === undefined) || found.every((each, at) => each === values[at]))
        return [];
      return [{ expression: `${helper}(${reference(axis)})`, values: found as string[], helper }];
    });
    return [{ expression: reference(axis), values }, ...derived];
  });

  const template = (values: Values, isTag: boolean): string | undefined => {
    const known = isTag
      ? symbols.map((each) => ({ ...each, values: each.values.map((value) => value.replaceAll('~', '')) }))
      : symbols;
    const parts = matchTemplate(values, known);
    if (parts === undefined) return undefined;
    for (const part of parts)
      if (typeof part !== 'string' && part.helper !== undefined) used.add(part.helper);
    return templateText(parts);
  };

  const table = (values: Values, hint: string): string => {
    const axis = axes.find((each) => isDetermined(values, valuesOf(each)));
    const keys = axis === undefined ? versionKeys(axes, cells) : valuesOf(axis);
    const entries = [
      ...new Map(keys.flatMap((key, at) => (values[at] === undefined ? [] : [[key, values[at]]]))),
    ];
    const isComplete = axis !== undefined && !isPlain && entries.length === new Set(keys).size;
    const index = axis === undefined ? templateText(joinParts(axes.map(reference))) : reference(axis);
    const same = tables.find((each) => JSON.stringify(each.entries) === JSON.stringify(entries));
    const name = same?.name ?? takeName(axis === undefined || isPlain ? hint : `${hint} by ${axis}`);
    if (same === undefined) tables.push({ name, entries, isComplete });
    return `${name}[${index}]${isComplete ? '' : '!'}`;
  };

  const condition = (holds: readonly boolean[]): string | undefined => {
    if (holds.every(Boolean)) return undefined;
    const clauses = axes.flatMap((axis) => {
      const values = valuesOf(axis);
      const all = new Set(values);
      const some = new Set(values.filter((_, at) => holds[at]));
      return some.size === all.size ? [] : [{ axis, some, all }];
    });
    const isExact = cells.every(
      (cell, at) => holds[at] === clauses.every(({ axis, some }) => some.has(cell[axis]!)),
    );
    if (isExact && clauses.length > 0)
      return clauses.map(({ axis, some, all }) => isOneOf(reference(axis), some, all)).join(' && ');
    const keys = versionKeys(axes, cells);
    const [some, others] = [keys.filter((_, at) => holds[at]), keys.filter((_, at) => !holds[at])];
    return oneOf(templateText(joinParts(axes.map(reference))), some, others);
  };

  return {
    tables,
    helpers: used,
    condition,
    text(values, hint, isTag = false) {
      const given = [...new Set(values)].filter((value) => value !== undefined);
      if (given.length < 2) return { text: literal(given[0] ?? ''), isConstant: true };
      const found = template(values, isTag) ?? withException(values, given, isTag);
      return { text: found ?? table(values, hint), isConstant: false };
    },
  };

  /** Most cells have values of one form, and some another value. */
  function withException(values: Values, given: readonly string[], isTag: boolean): string | undefined {
    const count = (value: string): number => values.filter((each) => each === value).length;
    const exceptions = [...given].sort((a, b) => count(b) - count(a) || a.length - b.length).slice(0, 3);
    for (const exception of exceptions) {
      const rest = values.map((value) => (value === exception ? undefined : value));
      const others = new Set(rest.filter((value) => value !== undefined));
      const otherwise = others.size === 1 ? literal([...others][0]!) : template(rest, isTag);
      const holds = condition(values.map((value) => value === exception || value === undefined));
      if (otherwise !== undefined && holds !== undefined && holds.length < 70)
        return `${holds} ? ${literal(exception)} : ${otherwise}`;
    }
    return undefined;
  }
}

/** One per cell. Undefined: any value will do. */
type Values = readonly (string | undefined)[];

function isDetermined(values: Values, by: readonly string[]): boolean {
  const known = new Map<string, string>();
  return by.every((key, at) => {
    const value = values[at];
    if (value === undefined) return true;
    if (!known.has(key)) known.set(key, value);
    return known.get(key) === value;
  });
}

/** Returns keys for cells. No version contains a space. */
function versionKeys(axes: readonly string[], cells: readonly Axes[]): string[] {
  return cells.map((cell) => axes.map((axis) => cell[axis]).join(' '));
}

function joinParts(references: readonly string[]): (string | Varying)[] {
  return references.flatMap((expression, at) => [...(at > 0 ? [' '] : []), { expression, values: [] }]);
}

function isOneOf(reference: string, some: ReadonlySet<string>, all: ReadonlySet<string>): string {
  return oneOf(
    reference,
    [...some],
    [...all].filter((value) => !some.has(value)),
  );
}

/** Returns a condition that is true for some values and false for others, whichever is shorter to write. */
function oneOf(reference: string, some: readonly string[], others: readonly string[]): string {
  if (some.length === 1) return `${reference} === ${literal(some[0]!)}`;
  if (others.length === 1) return `${reference} !== ${literal(others[0]!)}`;
  const isShort = some.length <= others.length;
  const values = (isShort ? some : others).map(literal).join(', ');
  return `${isShort ? '' : '!'}[${values}].includes(${reference})`;
}

/** How many ways to read values are tried. */
const maxTries = 20_000;

/**
 * Finds text and symbols that together give the value of each cell: `16-trixie`, `17-trixie` are `${c.pg}-trixie`. A symbol stands
 * between characters that are no letters or digits. Returns undefined if there is none.
 */
function matchTemplate<S extends Varying>(all: Values, symbols: readonly S[]): (string | S)[] | undefined {
  const rows = all.flatMap((value, at) => (value === undefined ? [] : [at]));
  const values = rows.map((at) => all[at]!);
  const useful = symbols
    .map((symbol) => ({ symbol, values: rows.map((at) => symbol.values[at]!) }))
    .filter((each) => new Set(each.values).size > 1);
  let tries = 0;
  const match = (offsets: readonly number[]): (string | S)[] | undefined => {
    if (tries++ > maxTries) return undefined;
    if (offsets.every((offset, at) => offset === values[at]!.length)) return [];
    const isStart = offsets.every((offset, at) => offset === 0 || !isWord(values[at]![offset - 1]!));
    if (isStart)
      for (const { symbol, values: own } of useful) {
        const next = offsets.map((offset, at) => offset + own[at]!.length);
        const fits = own.every(
          (value, at) =>
            value !== '' &&
            values[at]!.startsWith(value, offsets[at]) &&
            !isWord(values[at]![next[at]!] ?? ''),
        );
        const rest = fits ? match(next) : undefined;
        if (rest !== undefined) return [symbol, ...rest];
      }
    const char = values[0]![offsets[0]!];
    if (char === undefined || !values.every((value, at) => value[offsets[at]!] === char)) return undefined;
    const rest = match(offsets.map((offset) => offset + 1));
    if (rest === undefined) return undefined;
    const [head, ...tail] = rest;
    return typeof head === 'string' ? [char + head, ...tail] : [char, ...rest];
  };
  return match(values.map(() => 0));
}

function isWord(char: string): boolean {
  return /[A-Za-z0-9]/.test(char);
}

function templateText(parts: readonly (string | Varying)[]): string {
  const [only] = parts;
  if (parts.length === 1 && typeof only === 'object') return only.expression;
  const text = parts.map((part) =>
    typeof part === 'string' ? part.replace(/[\\`]|\$(?=\{)/g, '\\$&') : `\${${part.expression}}`,
  );
  return `\`${text.join('')}\``;
}

/** Returns a property access: `c.pg`, `c['a-b']`. */
function property(object: string, name: string): string {
  return isIdentifier(name) ? `${object}.${name}` : `${object}[${literal(name)}]`;
}

function isIdentifier(name: string): boolean {
  return /^[A-Za-z_$][\w$]*$/.test(name);
}

/** Returns a string as TypeScript, in single quotes. */
export function literal(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${inner}'`;
}

/** Returns the key of an object literal. */
export function key(name: string): string {
  return isIdentifier(name) ? name : literal(name);
}
