import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import * as assert from 'uvu/assert';

export type SchemaName = 'plan' | 'events' | 'release' | 'graph';

const ajv = new Ajv({
  allErrors: true,
  // A nullable field is a union of types.
  allowUnionTypes: true,
  formats: { 'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ },
});
const open = new Map<SchemaName, ValidateFunction>();
const closed = new Map<SchemaName, ValidateFunction>();

function validator(name: SchemaName, known: Map<SchemaName, ValidateFunction>): ValidateFunction {
  const found = known.get(name);
  if (found !== undefined) return found;
  const published = JSON.parse(readFileSync(`schema/${name}.json`, 'utf8')) as { $id: string };
  const { $id, ...anonymous } = published;
  const validate = ajv.compile(known === open ? published : withoutOtherFields(anonymous));
  known.set(name, validate);
  return validate;
}

/** Adds `additionalProperties: false` to every object of a schema that lists fields. */
function withoutOtherFields<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map(withoutOtherFields) as T;
  if (typeof schema !== 'object' || schema === null) return schema;
  const copy = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, withoutOtherFields(value)]),
  );
  return ('properties' in schema && 'type' in schema ? { ...copy, additionalProperties: false } : copy) as T;
}

/** Whether a document has the form that `schema/NAME.json` describes. */
export function isValid(name: SchemaName, document: unknown): boolean {
  return validator(name, open)(document);
}

/** Asserts that a document has the form that `schema/NAME.json` describes, and no field that the schema does not list. */
export function assertValid(name: SchemaName, document: unknown): void {
  for (const known of [open, closed]) {
    const validate = validator(name, known);
    if (!validate(document))
      assert.unreachable(`${ajv.errorsText(validate.errors)}\nin ${JSON.stringify(document, null, 2)}`);
  }
}

/** Parses the output of a command with `--json` that prints events, and asserts that each line is a valid event. */
export function parseEvents(out: string): Record<string, unknown>[] {
  const events = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const event of events) assertValid('events', event);
  return events;
}
