import * as v from 'valibot';
import type { Problem } from '../model/errors.ts';
import { didYouMean } from './did-you-mean.ts';

const text = v.string();
const nonEmpty = v.pipe(v.string(), v.nonEmpty('a text that is not empty'));
const texts = v.record(v.string(), v.string());
const relativePath = v.pipe(
  nonEmpty,
  v.check(
    (path) => !path.startsWith('/') && !path.split('/').includes('..'),
    'a path below the project root',
  ),
);
const duration = v.pipe(v.string(), v.regex(/^[1-9]\d*[smhd]$/, "a duration such as '90s', '30m', '2h'"));
const argName = v.pipe(v.string(), v.regex(/^[A-Za-z_]\w*$/, 'a name of letters, digits and _'));

const secret = v.union(
  [v.strictObject({ env: argName }), v.strictObject({ file: nonEmpty })],
  "{ env: 'NAME' } or { file: 'path' }",
);

const common = {
  description: v.optional(text),
  timeout: v.optional(duration),
  maxAge: v.optional(duration),
  secrets: v.optional(
    v.record(v.pipe(v.string(), v.regex(/^[\w.-]+$/, 'an id of letters, digits, _ . -')), secret),
    {},
  ),
  retries: v.optional(
    v.pipe(
      v.number(),
      v.integer('a whole number from 0 to 10'),
      v.minValue(0, 'a whole number from 0 to 10'),
      v.maxValue(10, 'a whole number from 0 to 10'),
    ),
    0,
  ),
  allowFailure: v.optional(v.boolean(), false),
};

/** The fields of an image at one version, functions already called; `needs` and `after` are resolved elsewhere. */
const imageFields = v.strictObject({
  ...common,
  context: relativePath,
  dockerfile: v.optional(relativePath),
  target: v.optional(nonEmpty),
  args: v.optional(v.record(argName, v.string()), {}),
  labels: v.optional(texts, {}),
  network: v.optional(v.picklist(['default', 'none', 'host']), 'default'),
  platforms: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.regex(/^[a-z0-9]+\/[a-z0-9]+(\/[a-z0-9]+)?$/, "such as 'linux/amd64'"))),
      v.nonEmpty(),
    ),
  ),
  test: v.optional(relativePath),
  publish: v.optional(v.boolean(), true),
  tags: v.optional(v.pipe(v.array(v.string()), v.nonEmpty('at least one tag'))),
  aliases: v.optional(v.array(v.string()), []),
  output: v.optional(v.picklist(['image', 'files']), 'image'),
});

const commandFields = v.strictObject({
  ...common,
  run: v.pipe(
    v.array(text),
    v.minLength(1, 'an argv with at least the program'),
    v.check((argv) => argv[0] !== '', 'a program first'),
  ),
  inputs: v.optional(v.array(nonEmpty), []),
  env: v.optional(v.array(argName), []),
});

const schemas = { image: imageFields, command: commandFields };

const resolvedElsewhere = ['name', 'versions', 'needs', 'after'];

export type ImageValues = v.InferOutput<typeof imageFields>;
export type CommandValues = v.InferOutput<typeof commandFields>;
/** What a fault is told about: everything of a Problem but the place. */
export type FieldFault = Omit<Problem, 'file' | 'definition'>;
/** Takes a fault; who gives it goes on, so that all of them are told together. */
export type ReportFault = (fault: FieldFault) => void;

/** Field names that a definition of this kind must not have, each with what to do instead. */
export function checkFieldNames(
  kind: 'image' | 'command',
  fields: Readonly<Record<string, unknown>>,
): FieldFault[] {
  const known = [...Object.keys(schemas[kind].entries), ...resolvedElsewhere];
  return Object.keys(fields)
    .filter((field) => !known.includes(field))
    .map((field): FieldFault => {
      const hint = didYouMean(field, known);
      return {
        field,
        message: 'unknown field',
        expected: `one of ${known.sort().join(', ')}`,
        ...(hint ? { hint } : {}),
      };
    });
}

/** The fields that `checkField` knows. */
export function fieldNames(kind: 'image' | 'command'): string[] {
  return Object.keys(schemas[kind].entries);
}

/** The value of one field, checked, or the faults. `undefined` takes the field's default. */
export function checkField(
  kind: 'image' | 'command',
  field: string,
  value: unknown,
): { value?: unknown; faults: FieldFault[] } {
  const entries = schemas[kind].entries as Readonly<Record<string, v.GenericSchema>>;
  const result = v.safeParse(entries[field]!, value);
  if (result.success) return { value: result.output, faults: [] };
  return { faults: result.issues.map((issue) => asFault(issue, field)) };
}

/** The settings of `project()`, checked, or the faults. */
export function checkProject(fields: Readonly<Record<string, unknown>>): {
  values?: { repo?: string; cacheRepo?: string };
  faults: FieldFault[];
} {
  const schema = v.strictObject({ repo: v.optional(nonEmpty), cacheRepo: v.optional(nonEmpty) });
  const result = v.safeParse(schema, fields);
  if (!result.success) return { faults: result.issues.map((issue) => asFault(issue)) };
  const { repo, cacheRepo } = result.output;
  return { values: { ...(repo ? { repo } : {}), ...(cacheRepo ? { cacheRepo } : {}) }, faults: [] };
}

function asFault(issue: v.BaseIssue<unknown>, ...above: string[]): FieldFault {
  const path = [...above, ...(issue.path?.map((item) => String(item.key)) ?? [])];
  const missing = issue.received === 'undefined' && issue.kind === 'schema';
  return {
    field: path.join('.'),
    message: missing ? 'missing' : issue.expected === 'never' ? 'unknown field' : 'wrong value',
    ...(missing ? {} : { found: formatValue(issue.input) }),
    expected: issue.kind === 'validation' ? issue.message : describeType(issue.expected),
  };
}

/** A value as a person would write it, cut where it is long. */
export function formatValue(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'string') return JSON.stringify(value);
  const shown = JSON.stringify(value) ?? String(value);
  return shown.length > 80 ? `${shown.slice(0, 77)}…` : shown;
}

function describeType(expected: string | null): string {
  const words: Record<string, string> = {
    string: 'a text',
    number: 'a number',
    boolean: 'true or false',
    Array: 'a list',
    Object: 'an object',
    never: 'no such field',
  };
  return words[expected ?? ''] ?? expected ?? 'another value';
}
