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
  checkFieldNames,
  checkValues,
  type Fault,
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
  for (const { version, axes, argument } of cellsOf(fields.versions, complain)) {
    const values = callLate(fields, argument, version, complain);
    const checked = checkValues(kind, values);
    for (const fault of checked.faults)
      complain({ ...fault, message: `${fault.message} (version ${version})` });
    if (checked.values === undefined || typeof name !== 'string') continue;
    const base = {
      id: `${name}:${version}`,
      name,
      version,
      axes,
      where: declared.where,
      needs: [],
      after: [],
    };
    const task =
      kind === 'image'
        ? imageTask(base, checked.values as ImageValues, defaultPlatform, complain)
        : commandTask(base, checked.values as CommandValues);
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

/** Calls every field that is a function of the version; `needs` and `after` are called late, when all tasks are known. */
function callLate(
  fields: Readonly<Record<string, unknown>>,
  argument: unknown,
  version: string,
  complain: (fault: Fault) => void,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(fields)) {
    if (['name', 'versions', 'needs', 'after'].includes(field)) continue;
    try {
      values[field] = typeof value === 'function' ? value(argument) : value;
    } catch (error) {
      complain({ field, message: `the function threw for version ${version}: ${String(error)}` });
    }
  }
  return values;
}

type Base = Pick<Task, 'id' | 'name' | 'version' | 'axes' | 'where' | 'needs' | 'after'>;

function shared(values: ImageValues | CommandValues) {
  return {
    ...(values.description !== undefined ? { description: values.description } : {}),
    ...(values.timeout !== undefined ? { timeoutMs: milliseconds(values.timeout) } : {}),
    retries: values.retries,
    allowFailure: values.allowFailure,
    secrets: values.secrets,
    ...(values.maxAge !== undefined ? { maxAgeMs: milliseconds(values.maxAge) } : {}),
  };
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
  return {
    ...base,
    ...shared(values),
    kind: 'image',
    context: values.context.replace(/\/+$/, ''),
    dockerfile: values.dockerfile ?? `${values.context.replace(/\/+$/, '')}/Dockerfile`,
    ...(values.target !== undefined ? { target: values.target } : {}),
    args: values.args,
    labels: values.labels,
    network: values.network,
    platform: platforms[0]!,
    output: values.output,
    ...(values.test !== undefined ? { test: values.test } : {}),
    publish: values.publish && !isFiles,
    tags: isFiles ? [] : tags,
    aliases: isFiles ? [] : [...new Set(aliases)],
  };
}

function commandTask(base: Base, values: CommandValues): CommandTask {
  return {
    ...base,
    ...shared(values),
    kind: 'command',
    run: values.run as [string, ...string[]],
    inputs: values.inputs,
    env: values.env,
    publish: false,
    tags: [],
  };
}

const unitMs: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s` → 90000. */
function milliseconds(duration: string): number {
  return Number(duration.slice(0, -1)) * unitMs[duration.at(-1)!]!;
}
