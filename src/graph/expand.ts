import {
  type Declared,
  definitionBrand,
  type Matrix,
  matrixBrand,
  type VersionCell,
} from '../define/types.ts';
import { DefinitionError, type Problem } from '../model/errors.ts';
import type { CommandTask, ImageTask, Task } from '../model/task.ts';
import {
  type CommandValues,
  checkField,
  checkFieldNames,
  type Fault,
  fieldsOf,
  type ImageValues,
  show,
} from './fields.ts';
import { asTag, nameFault, tagFault } from './names.ts';

/** A task whose needs are not resolved yet, with the definition it comes from. */
export interface Draft {
  readonly task: Task;
  readonly declared: Declared;
  /** What functions of the version are called with. */
  readonly versionArgument: unknown;
}

/**
 * One draft per definition and version, in the order written.
 * @throws DefinitionError with every fault found
 */
export function expand(definitions: readonly Declared[], defaultPlatform: string): Draft[] {
  const problems: Problem[] = [];
  const drafts = definitions.flatMap((declared) => {
    const name = String(declared.definition.fields.name ?? declared.where.name);
    const complain = (fault: Fault): void => {
      problems.push({ file: declared.where.file, definition: name, ...fault });
    };
    return expandOne(declared, defaultPlatform, complain);
  });
  if (problems.length > 0) throw new DefinitionError(problems);
  return drafts;
}

function expandOne(declared: Declared, defaultPlatform: string, complain: (fault: Fault) => void): Draft[] {
  const { fields, [definitionBrand]: kind } = declared.definition;
  for (const fault of checkFieldNames(kind, fields)) complain(fault);
  const { name } = fields;
  const expected = typeof name === 'string' ? nameFault(name) : 'a text';
  if (expected !== undefined)
    complain({ field: 'name', message: 'not a valid name', found: show(name), expected });
  const drafts: Draft[] = [];
  const { fixed, late } = checkFixed(kind, fields, complain);
  for (const { version, axes, argument } of cellsOf(fields.versions, complain)) {
    const values = checkLate(kind, late, argument, (fault) =>
      complain({ ...fault, message: `${fault.message} (version ${version})` }),
    );
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
        ? imageTask(base, checked as ImageValues, defaultPlatform, complain)
        : commandTask(base, checked as CommandValues);
    drafts.push({ task, declared, versionArgument: argument });
  }
  return drafts;
}

/** The cells of `versions`; of a plain list each has the one axis `version`. */
function cellsOf(
  versions: unknown,
  complain: (fault: Fault) => void,
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
      found: show(versions),
      expected,
    });
    return [];
  }
  const seen = new Set<string>();
  return cells.flatMap((cell) => {
    const { version, axes } = cell;
    const wrong = typeof version === 'string' ? tagFault(version) : expected;
    if (wrong !== undefined)
      complain({ field: 'versions', message: 'not a valid version', found: show(version), expected: wrong });
    else if (seen.has(version))
      complain({
        field: 'versions',
        message: 'the same version twice',
        found: show(version),
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
  complain: (fault: Fault) => void,
): { fixed: Values | undefined; late: LateFields } {
  const fixed: Record<string, unknown> = {};
  const late: [string, (argument: unknown) => unknown][] = [];
  let isGood = true;
  for (const field of fieldsOf(kind)) {
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
  complain: (fault: Fault) => void,
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

type Base = Pick<Task, 'id' | 'name' | 'version' | 'axes' | 'where' | 'needs' | 'after'>;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What images and commands share. No spreads: they cost more than all the rest of making a task. */
function withShared<T extends Task>(task: Writable<T>, values: ImageValues | CommandValues): T {
  if (values.description !== undefined) task.description = values.description;
  if (values.timeout !== undefined) task.timeoutMs = milliseconds(values.timeout);
  if (values.maxAge !== undefined) task.maxAgeMs = milliseconds(values.maxAge);
  return task as T;
}

function imageTask(
  base: Base,
  values: ImageValues,
  defaultPlatform: string,
  complain: (fault: Fault) => void,
): ImageTask {
  const isFiles = values.output === 'files';
  const platforms = values.platforms ?? [defaultPlatform];
  if (platforms.length > 1) {
    complain({
      field: 'platforms',
      message: 'several platforms in one task are not supported yet',
      found: show(platforms),
      expected: 'one platform',
    });
  }
  if (isFiles && values.test !== undefined)
    complain({ field: 'test', message: "output: 'files' makes no image that a test could run in" });
  const tags = (values.tags ?? [base.version]).map(asTag);
  const aliases = values.aliases.map(asTag);
  for (const [field, each] of [
    ['tags', tags],
    ['aliases', aliases],
  ] as const)
    for (const tag of each) {
      const expected = tagFault(tag);
      if (expected !== undefined) complain({ field, message: 'not a valid tag', found: show(tag), expected });
    }
  const task: Writable<ImageTask> = {
    kind: 'image',
    id: base.id,
    name: base.name,
    version: base.version,
    axes: base.axes,
    where: base.where,
    needs: base.needs,
    after: base.after,
    retries: values.retries,
    allowFailure: values.allowFailure,
    secrets: values.secrets,
    context: values.context.replace(/\/+$/, ''),
    dockerfile: values.dockerfile ?? `${values.context.replace(/\/+$/, '')}/Dockerfile`,
    args: values.args,
    labels: values.labels,
    network: values.network,
    platform: platforms[0]!,
    output: values.output,
    publish: values.publish && !isFiles,
    tags: isFiles ? [] : tags,
    aliases: isFiles ? [] : [...new Set(aliases)],
  };
  if (values.target !== undefined) task.target = values.target;
  if (values.test !== undefined) task.test = values.test;
  return withShared(task, values);
}

function commandTask(base: Base, values: CommandValues): CommandTask {
  const task: Writable<CommandTask> = {
    kind: 'command',
    id: base.id,
    name: base.name,
    version: base.version,
    axes: base.axes,
    where: base.where,
    needs: base.needs,
    after: base.after,
    retries: values.retries,
    allowFailure: values.allowFailure,
    secrets: values.secrets,
    run: values.run as [string, ...string[]],
    inputs: values.inputs,
    env: values.env,
    publish: false,
    tags: [],
  };
  return withShared(task, values);
}

const unitMs: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s` → 90000. */
function milliseconds(duration: string): number {
  return Number(duration.slice(0, -1)) * unitMs[duration.at(-1)!]!;
}
