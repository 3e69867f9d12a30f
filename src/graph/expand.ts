import {
  type Declared,
  definitionBrand,
  type Matrix,
  matrixBrand,
  type VersionCell,
} from '../define/types.ts';
import { DefinitionError, type Problem } from '../model/errors.ts';
import type { Task } from '../model/task.ts';
import {
  type CommandValues,
  checkField,
  checkFieldNames,
  type FieldFault,
  fieldNames,
  formatValue,
  type ImageValues,
} from './fields.ts';
import { makeCommandTask, makeImageTask } from './make-task.ts';
import { nameFault, tagFault } from './names.ts';

/** A task with the definition it comes from. Its needs and `after` are empty until all drafts are there. */
export interface TaskDraft {
  readonly task: Task & { needs: Task['needs']; after: Task['after'] };
  readonly declared: Declared;
  /** What functions of the version are called with. */
  readonly versionArgument: unknown;
}

/**
 * One draft per definition and version, in the order written.
 * @throws DefinitionError with every fault found
 */
export function expandDefinitions(definitions: readonly Declared[], defaultPlatform: string): TaskDraft[] {
  const problems: Problem[] = [];
  const drafts = definitions.flatMap((declared) => {
    const name = String(declared.definition.fields.name ?? declared.where.name);
    const faults: VersionFault[] = [];
    const drafts = expandOne(declared, defaultPlatform, (fault, version) => faults.push({ fault, version }));
    const place = { file: declared.where.file, definition: name };
    problems.push(...eachOnce(faults).map((fault): Problem => ({ ...place, ...fault })));
    return drafts;
  });
  if (problems.length > 0) throw new DefinitionError(problems);
  return drafts;
}

/** A fault, and the version that it was found at where a function of the version gave it. */
interface VersionFault {
  readonly fault: FieldFault;
  readonly version: string | undefined;
}
type ComplainOf = (fault: FieldFault, version?: string) => void;

/** As many versions of one fault as are named. */
const mostNamed = 3;

/** A fault that many versions have is told once, with which they are. */
function eachOnce(faults: readonly VersionFault[]): FieldFault[] {
  const versions = new Map<string, { readonly fault: FieldFault; readonly of: Set<string> }>();
  for (const { fault, version } of faults) {
    const id = JSON.stringify(fault);
    const known = versions.get(id) ?? { fault, of: new Set() };
    versions.set(id, known);
    if (version !== undefined) known.of.add(version);
  }
  return [...versions.values()].map(({ fault, of }) => {
    const named = [...of].slice(0, mostNamed).join(', ');
    const more = of.size > mostNamed ? ` and ${of.size - mostNamed} more` : '';
    return of.size === 0
      ? fault
      : { ...fault, message: `${fault.message} (version${of.size > 1 ? 's' : ''} ${named}${more})` };
  });
}

function expandOne(declared: Declared, defaultPlatform: string, complain: ComplainOf): TaskDraft[] {
  const { fields, [definitionBrand]: kind } = declared.definition;
  for (const fault of checkFieldNames(kind, fields)) complain(fault);
  const { name } = fields;
  const expected = typeof name === 'string' ? nameFault(name) : 'a text';
  if (expected !== undefined)
    complain({ field: 'name', message: 'not a valid name', found: formatValue(name), expected });
  const drafts: TaskDraft[] = [];
  const { fixed, late } = checkFixed(kind, fields, complain);
  for (const { version, axes, argument } of cellsOf(fields.versions, complain)) {
    const values = checkLate(kind, late, argument, (fault) => complain(fault, version));
    if (fixed === undefined || values === undefined || typeof name !== 'string') continue;
    const base = {
      id: `${name}:${version}`,
      name,
      version,
      axes,
      where: declared.where,
      needs: [],
      after: [],
    };
    const checked: unknown = { ...fixed, ...values };
    const task =
      kind === 'image'
        ? makeImageTask(base, checked as ImageValues, defaultPlatform, (fault) => {
            const isLate = late.some(([field]) => field === fault.field);
            complain(fault, isLate ? version : undefined);
          })
        : makeCommandTask(base, checked as CommandValues);
    drafts.push({ task, declared, versionArgument: argument });
  }
  return drafts;
}

/** The cells of `versions`; of a plain list each has the one axis `version`. */
function cellsOf(
  versions: unknown,
  complain: (fault: FieldFault) => void,
): (VersionCell & { argument: unknown })[] {
  const expected = 'a list of versions (texts, not numbers), or matrix(…)';
  if (versions === undefined) return [{ version: 'latest', axes: { version: 'latest' }, argument: 'latest' }];
  const isMatrix = typeof versions === 'object' && versions !== null && matrixBrand in versions;
  const cells: readonly VersionCell[] | undefined = isMatrix
    ? (versions as Matrix).cells
    : Array.isArray(versions)
      ? versions.map((version) => ({ version, axes: { version } }))
      : undefined;
  if (cells === undefined || cells.length === 0) {
    complain({
      field: 'versions',
      message: cells ? 'no version at all' : 'wrong value',
      found: formatValue(versions),
      expected,
    });
    return [];
  }
  const seen = new Set<string>();
  return cells.flatMap((cell) => {
    const { version, axes } = cell;
    const wrong = typeof version === 'string' ? tagFault(version) : expected;
    if (wrong !== undefined)
      complain({
        field: 'versions',
        message: 'not a valid version',
        found: formatValue(version),
        expected: wrong,
      });
    else if (seen.has(version))
      complain({
        field: 'versions',
        message: 'the same version twice',
        found: formatValue(version),
        expected: 'each version once',
      });
    else {
      seen.add(version);
      return [{ version, axes, argument: isMatrix ? axes : version }];
    }
    return [];
  });
}

type Values = Readonly<Record<string, unknown>>;
type LateFields = readonly (readonly [field: string, call: (argument: unknown) => unknown])[];

/**
 * The values that all versions share, checked; undefined where one is wrong. And the fields that are functions of the version;
 * `needs` and `after` are resolved elsewhere, when all tasks are known.
 */
function checkFixed(
  kind: 'image' | 'command',
  fields: Values,
  complain: (fault: FieldFault) => void,
): { fixed: Values | undefined; late: LateFields } {
  const fixed: Record<string, unknown> = {};
  const late: [string, (argument: unknown) => unknown][] = [];
  let isGood = true;
  for (const field of fieldNames(kind)) {
    const written = Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (typeof written === 'function') {
      late.push([field, written as (argument: unknown) => unknown]);
      continue;
    }
    const { value, faults } = checkField(kind, field, written);
    for (const fault of faults) complain(fault);
    isGood &&= faults.length === 0;
    if (value !== undefined) fixed[field] = value;
  }
  return { fixed: isGood ? fixed : undefined, late };
}

/** What functions of the version give for one, checked; undefined where one is wrong. */
function checkLate(
  kind: 'image' | 'command',
  late: LateFields,
  argument: unknown,
  complain: (fault: FieldFault) => void,
): Values | undefined {
  const values: Record<string, unknown> = {};
  let isGood = true;
  for (const [field, call] of late) {
    try {
      const { value, faults } = checkField(kind, field, call(argument));
      for (const fault of faults) complain(fault);
      isGood &&= faults.length === 0;
      if (value !== undefined) values[field] = value;
    } catch (error) {
      complain({ field, message: `the function threw: ${String(error)}` });
      isGood = false;
    }
  }
  return isGood ? values : undefined;
}
