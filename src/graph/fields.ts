import * as v from 'valibot';
import { didYouMean } from '../model/did-you-mean.ts';
import type { Problem } from '../model/errors.ts';
import { buildFields } from './build-fields.ts';

const string = v.string();
const nonEmpty = v.pipe(v.string(), v.nonEmpty('a non-empty string'));
const strings = v.record(v.string(), v.string());
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
  description: v.optional(string),
  timeout: v.optional(duration),
  maxAge: v.optional(duration),
  secrets: v.optional(
    v.record(v.pipe(v.string(), v.regex(/^[\w.-]+$/, 'an ID of letters, digits, _ . -')), secret),
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

const platforms = v.optional(
  v.pipe(
    v.array(v.pipe(v.string(), v.regex(/^[a-z0-9]+\/[a-z0-9]+(\/[a-z0-9]+)?$/, "such as 'linux/amd64'"))),
    v.nonEmpty('at least one platform'),
  ),
);

/** The fields of an image, after functions of the version were called. `needs` and `after` are resolved elsewhere. */
const imageFields = v.strictObject({
  ...common,
  context: relativePath,
  dockerfile: v.optional(
    v.union(
      [relativePath, v.strictObject({ text: nonEmpty })],
      "a path below the project root, or { text: '…' }",
    ),
  ),
  target: v.optional(nonEmpty),
  args: v.optional(v.record(argName, v.string()), {}),
  labels: v.optional(strings, {}),
  volatileLabels: v.optional(strings, {}),
  network: v.optional(v.picklist(['default', 'none', 'host']), 'default'),
  ...buildFields,
  platforms,
  test: v.optional(relativePath),
  publish: v.optional(v.boolean(), true),
  tags: v.optional(v.pipe(v.array(v.string()), v.nonEmpty('at least one tag'))),
  aliases: v.optional(v.array(v.string()), []),
  output: v.optional(v.picklist(['image', 'files']), 'image'),
});

const commandFields = v.strictObject({
  ...common,
  run: v.pipe(
    v.array(string),
    v.minLength(1, 'a command with at least a program'),
    v.check((argv) => argv[0] !== '', 'a non-empty program'),
  ),
  inputs: v.optional(v.array(nonEmpty), []),
  env: v.optional(v.array(argName), []),
  platforms,
});

const schemas = { image: imageFields, command: commandFields };

const resolvedElsewhere = ['name', 'versions', 'needs', 'after'];

export type ImageValues = v.InferOutput<typeof imageFields>;
export type CommandValues = v.InferOutput<typeof commandFields>;
/** An error in a field: a Problem without its location. */
export type FieldFault = Omit<Problem, 'file' | 'definition'>;
/** Collects a fault. The caller continues, so that all faults are reported together. */
export type ReportFault = (fault: FieldFault) => void;

/** Returns a fault for each unknown field name. */
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

/** Returns the names of the fields that `checkField` checks. */
export function fieldNames(kind: 'image' | 'command'): string[] {
  return Object.keys(schemas[kind].entries);
}

/** Checks the value of a field. Returns the value, with defaults filled in, or the faults. */
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

/** Checks the settings of `project()`. Returns the settings or the faults. */
export function checkProject(fields: Readonly<Record<string, unknown>>): {
  values?: {
    repo?: string;
    cacheRepo?: string;
    builder?: string;
    cacheTo?: string;
    volatileLabels?: Record<string, string>;
    profiles?: readonly string[];
  };
  faults: FieldFault[];
} {
  const schema = v.strictObject({
    repo: v.optional(nonEmpty),
    cacheRepo: v.optional(nonEmpty),
    builder: v.optional(nonEmpty),
    cacheTo: v.optional(nonEmpty),
    volatileLabels: v.optional(strings),
    profiles: v.optional(v.array(nonEmpty)),
  });
  const result = v.safeParse(schema, fields);
  if (!result.success) return { faults: result.issues.map((issue) => asFault(issue)) };
  const { repo, cacheRepo, builder, cacheTo, volatileLabels, profiles } = result.output;
  return {
    values: {
      ...(repo ? { repo } : {}),
      ...(cacheRepo ? { cacheRepo } : {}),
      ...(builder ? { builder } : {}),
      ...(cacheTo ? { cacheTo } : {}),
      ...(volatileLabels ? { volatileLabels } : {}),
      ...(profiles ? { profiles } : {}),
    },
    faults: [],
  };
}

function asFault(issue: v.BaseIssue<unknown>, ...above: string[]): FieldFault {
  const path = [...above, ...(issue.path?.map((item) => String(item.key)) ?? [])];
  const missing = issue.received === 'undefined' && issue.kind === 'schema';
  return {
    field: path.join('.'),
    message: missing ? 'missing' : issue.expected === 'never' ? 'unknown field' : 'wrong value',
    ...(missing ? {} : { found: formatValue(issue.input) }),
    expected:
      issue.kind === 'validation' || issue.type === 'union' ? issue.message : describeType(issue.expected),
  };
}

/** Formats a value for a message, shortened to 80 characters. */
export function formatValue(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'string') return JSON.stringify(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function describeType(expected: string | null): string {
  const words: Record<string, string> = {
    string: 'a string',
    number: 'a number',
    boolean: 'true or false',
    Array: 'a list',
    Object: 'an object',
    never: 'no such field',
  };
  return words[expected ?? ''] ?? expected ?? 'another value';
}
