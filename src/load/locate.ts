import { type CallSite, callSite, type Sited } from '../define/call-site.ts';
import { type Declarations, type Matrix, matrixBrand } from '../define/types.ts';
import { DefinitionError, type Problem, type SourcePlace } from '../model/errors.ts';
import { type FieldRange, findField, type TextRange } from './find-field.ts';
import { offsetOf, placeOf, readSource, wordAt } from './source-files.ts';
import type { SourcePositions } from './stack-places.ts';

/** Returns an error whose problems have their places in the source, as far as they can be found. */
export type Locate = (error: DefinitionError) => DefinitionError;

/**
 * Returns a function that finds the places of problems: the field in the call that made the definition, or else the call. It reads
 * sources only when it is called. `positions`: of the compiled code.
 */
export function makeLocate(
  declarations: Declarations,
  root: string,
  positions: () => SourcePositions,
): Locate {
  return ({ problems }) => {
    const map = positions();
    const placed = problems.map((problem) => {
      const place = problem.place ?? placeOfProblem(problem, declarations, root, map);
      return place === undefined ? problem : { ...problem, place };
    });
    return new DefinitionError(inOrder(placed));
  };
}

/** Sorts problems by line within each file. Files keep the order in which problems name them first. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const fileOf = ({ file, place }: Problem): string => place?.file ?? file;
  const files = [...new Set(problems.map(fileOf))];
  return files.flatMap((file) =>
    problems
      .filter((problem) => fileOf(problem) === file)
      .sort((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0)),
  );
}

function placeOfProblem(
  problem: Problem,
  declarations: Declarations,
  root: string,
  positions: SourcePositions,
): SourcePlace | undefined {
  const made = findDefinition(problem, declarations);
  if (made === undefined) return undefined;
  const { versions } = made.fields;
  if (problem.field === 'versions' && isMatrix(versions)) {
    const place = placeInCall(versions[callSite], { ...problem, field: 'version' }, root, positions, 1);
    if (place !== undefined) return place;
  }
  // Without a field, the problem is about the name.
  return placeInCall(made[callSite], { ...problem, field: problem.field ?? 'name' }, root, positions);
}

function isMatrix(value: unknown): value is Matrix & Sited {
  return typeof value === 'object' && value !== null && matrixBrand in value;
}

/** Returns the definition that a problem is about. */
function findDefinition(
  { file, definition, exportName }: Problem,
  { definitions, projects }: Declarations,
): (Sited & { readonly fields: Readonly<Record<string, unknown>> }) | undefined {
  const inFile = [
    ...definitions.map(({ definition: made, where }) => ({ made, where })),
    ...projects.map(({ project: made, where }) => ({ made, where })),
  ].filter(({ where }) => where.file === file);
  const named = inFile.find(({ where }) => where.name === (exportName ?? definition));
  const byName = inFile.find(({ made }) => made.fields.name === definition);
  return (exportName === undefined ? (byName ?? named) : named)?.made;
}

/** Returns the place of a problem's field in a call, or of the call. `argument`: the position of the object with the fields. */
function placeInCall(
  site: CallSite | undefined,
  problem: Problem,
  root: string,
  positions: SourcePositions,
  argument = 0,
): SourcePlace | undefined {
  const position = positions.topOf(site?.stack ?? '');
  const text = position && readSource(root, position.file);
  if (position === undefined || text === undefined) return undefined;
  const at = offsetOf(text, position.line, position.column);
  if (at === undefined) return undefined;
  const field = findField(text, at, problem.field!, argument);
  return placeOf(position.file, text, field === undefined ? wordAt(text, at) : rangeOf(problem, field, text));
}

/** Returns the value of a field if that is wrong, as exactly as `found` says; otherwise its name. */
function rangeOf({ found, field, message }: Problem, { key, value }: FieldRange, text: string): TextRange {
  // The found value of an unknown field is its name.
  if ((found === undefined && field !== 'name') || message === 'unknown field') return key;
  const written = text.slice(value.start, value.end);
  for (const quote of found === undefined ? [] : ["'", '"', '`']) {
    const literal = quote + unquoted(found!) + quote;
    const start = written.indexOf(literal);
    if (start >= 0) return { start: value.start + start, end: value.start + start + literal.length };
  }
  return value;
}

function unquoted(found: string): string {
  return /^".*"$/.test(found) ? found.slice(1, -1) : found;
}
