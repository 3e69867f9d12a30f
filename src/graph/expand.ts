import {
  type Declared,
  definitionBrand,
  type Matrix,
  matrixBrand,
  type VersionCell,
} from '../define/types.ts';
import { DefinitionError, type Problem } from '../model/errors.ts';
import { normalizePlatform } from '../model/platform.ts';
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
import { makeCommandTask, makeImageTask, type TaskIdentity } from './make-task.ts';
import { choosePlatform } from './match-platform.ts';
import { nameFault, tagFault } from './names.ts';

/** A task with the definition it comes from. Its `needs` and `after` are empty until all drafts exist. */
export interface TaskDraft {
  readonly task: Task & { needs: Task['needs']; after: Task['after'] };
  readonly declared: Declared;
  /** The argument for functions of the version. */
  readonly versionArgument: unknown;
}

/**
 * Returns one draft per definition, version and platform, in the order they are declared. Images without `platforms` get
 * `machinePlatform`, that of this machine.
 * @throws DefinitionError with all faults
 */
export function expandDefinitions(definitions: readonly Declared[], machinePlatform: string): TaskDraft[] {
  const problems: Problem[] = [];
  const drafts = definitions.flatMap((declared) => {
    const name = String(declared.definition.fields.name ?? declared.where.name);
    const faults: VersionFault[] = [];
    const drafts = expandOne(declared, machinePlatform, (fault, version) => faults.push({ fault, version }));
    const place = { file: declared.where.file, definition: name };
    problems.push(...mergeVersions(faults).map((fault): Problem => ({ ...place, ...fault })));
    return drafts;
  });
  if (problems.length > 0) throw new DefinitionError(problems);
  return drafts;
}

/** A fault, and the version if the value comes from a function of the version. */
interface VersionFault {
  readonly fault: FieldFault;
  readonly version: string | undefined;
}
type ReportVersionFault = (fault: FieldFault, version?: string) => void;

/** The number of versions that a message lists. */
const maxListedVersions = 3;

/** Merges equal faults of several versions into one, whose message lists the versions. */
function mergeVersions(faults: readonly VersionFault[]): FieldFault[] {
  const merged = new Map<string, { readonly fault: FieldFault; readonly versions: Set<string> }>();
  for (const { fault, version } of faults) {
    const id = JSON.stringify(fault);
    const known = merged.get(id) ?? { fault, versions: new Set() };
    merged.set(id, known);
    if (version !== undefined) known.versions.add(version);
  }
  return [...merged.values()].map(({ fault, versions }) => {
    const listed = [...versions].slice(0, maxListedVersions).join(', ');
    const more = versions.size > maxListedVersions ? ` and ${versions.size - maxListedVersions} more` : '';
    return versions.size === 0
      ? fault
      : { ...fault, message: `${fault.message} (version${versions.size > 1 ? 's' : ''} ${listed}${more})` };
  });
}

function expandOne(declared: Declared, machinePlatform: string, report: ReportVersionFault): TaskDraft[] {
  const { fields, [definitionBrand]: kind } = declared.definition;
  for (const fault of checkFieldNames(kind, fields)) report(fault);
  const { name } = fields;
  const expected = typeof name === 'string' ? nameFault(name) : 'a string';
  if (expected !== undefined)
    report({ field: 'name', message: 'not a valid name', found: formatValue(name), expected });
  const drafts: TaskDraft[] = [];
  const { fixed, late } = checkFixedFields(kind, fields, report);
  for (const { version, axes, argument } of cellsOf(fields.versions, report)) {
    const values = checkVersionFields(kind, late, argument, (fault) => report(fault, version));
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
    const checked = { ...fixed, ...values } as ImageValues | CommandValues;
    const reportField = (fault: FieldFault): void =>
      report(fault, late.some(([field]) => field === fault.field) ? version : undefined);
    for (const task of makeTasks(kind, base, checked, machinePlatform, reportField))
      drafts.push({ task, declared, versionArgument: argument });
  }
  return drafts;
}

/** Returns the tasks of one version: one for each of its platforms. */
function makeTasks(
  kind: 'image' | 'command',
  base: TaskIdentity,
  values: ImageValues | CommandValues,
  machinePlatform: string,
  report: (fault: FieldFault) => void,
): TaskDraft['task'][] {
  const platforms = distinctPlatforms(values.platforms, report);
  const make = (identity: TaskIdentity, platform: string | undefined): TaskDraft['task'] =>
    kind === 'image'
      ? makeImageTask(identity, values as ImageValues, platform ?? machinePlatform, report)
      : makeCommandTask(identity, values as CommandValues, platform);
  if (platforms === undefined || platforms.length === 1) return [make(base, platforms?.[0])];
  const main = choosePlatform(platforms, machinePlatform);
  return platforms.map((platform) => {
    const task = make({ ...base, id: `${base.id}@${platform}` }, platform);
    return platform === main ? task : { ...task, isSecondary: true };
  });
}

function distinctPlatforms(
  platforms: readonly string[] | undefined,
  report: (fault: FieldFault) => void,
): readonly string[] | undefined {
  const names = new Map<string, string>();
  for (const platform of platforms ?? []) {
    const name = normalizePlatform(platform);
    if (names.has(name))
      report({
        field: 'platforms',
        message: 'a platform comes twice',
        found: `${names.get(name)} and ${platform}`,
        expected: 'each platform once',
      });
    names.set(name, platform);
  }
  return platforms && [...names.values()];
}

/** Returns the cells of `versions`. The cells of a plain list have one axis, `version`. */
function cellsOf(
  versions: unknown,
  report: (fault: FieldFault) => void,
): (VersionCell & { argument: unknown })[] {
  const expected = 'a list of versions (strings, not numbers), or matrix(…)';
  if (versions === undefined) return [{ version: 'latest', axes: { version: 'latest' }, argument: 'latest' }];
  const isMatrix = typeof versions === 'object' && versions !== null && matrixBrand in versions;
  const cells: readonly VersionCell[] | undefined = isMatrix
    ? (versions as Matrix).cells
    : Array.isArray(versions)
      ? versions.map((version) => ({ version, axes: { version } }))
      : undefined;
  if (cells === undefined || cells.length === 0) {
    report({
      field: 'versions',
      message: cells ? 'no versions' : 'wrong value',
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
      report({
        field: 'versions',
        message: 'not a valid version',
        found: formatValue(version),
        expected: wrong,
      });
    else if (seen.has(version))
      report({
        field: 'versions',
        message: 'duplicate version',
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
type VersionFields = readonly (readonly [field: string, call: (argument: unknown) => unknown])[];

/**
 * Checks the values that all versions share, and returns them with the fields that are functions of the version. `fixed` is
 * undefined if a value is wrong. `needs` and `after` are resolved later, when all tasks are known.
 */
function checkFixedFields(
  kind: 'image' | 'command',
  fields: Values,
  report: (fault: FieldFault) => void,
): { fixed: Values | undefined; late: VersionFields } {
  const fixed: Record<string, unknown> = {};
  const late: [string, (argument: unknown) => unknown][] = [];
  let isValid = true;
  for (const field of fieldNames(kind)) {
    const written = Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (typeof written === 'function') {
      late.push([field, written as (argument: unknown) => unknown]);
      continue;
    }
    const { value, faults } = checkField(kind, field, written);
    for (const fault of faults) report(fault);
    isValid &&= faults.length === 0;
    if (value !== undefined) fixed[field] = value;
  }
  return { fixed: isValid ? fixed : undefined, late };
}

/** Calls the functions of the version and checks their results. Returns undefined if a value is wrong. */
function checkVersionFields(
  kind: 'image' | 'command',
  late: VersionFields,
  argument: unknown,
  report: (fault: FieldFault) => void,
): Values | undefined {
  const values: Record<string, unknown> = {};
  let isValid = true;
  for (const [field, call] of late) {
    try {
      const { value, faults } = checkField(kind, field, call(argument));
      for (const fault of faults) report(fault);
      isValid &&= faults.length === 0;
      if (value !== undefined) values[field] = value;
    } catch (error) {
      report({ field, message: `the function threw: ${String(error)}` });
      isValid = false;
    }
  }
  return isValid ? values : undefined;
}
