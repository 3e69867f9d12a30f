import {
  type Declared,
  type Definition,
  definitionBrand,
  type Reference,
  referenceBrand,
} from '../define/types.ts';
import type { Axes, Need, Task, TaskId } from '../model/task.ts';
import { makesFiles } from '../model/task.ts';
import { listIds, matchesAxes, matchingCandidates, pickOne, type ResolvedReference } from './candidates.ts';
import type { TaskDraft } from './expand.ts';
import { formatValue, type ReportFault } from './fields.ts';

/** All drafts by the definition that they come from. */
export type DraftIndex = ReadonlyMap<Definition, readonly TaskDraft[]>;

/** Groups drafts by definition. */
export function indexDrafts(drafts: readonly TaskDraft[]): DraftIndex {
  const index = new Map<Definition, TaskDraft[]>();
  for (const draft of drafts) {
    const list = index.get(draft.declared.definition);
    if (list) list.push(draft);
    else index.set(draft.declared.definition, [draft]);
  }
  return index;
}

/** Makes a draft's task whole: resolves `needs` and `after` to task ids. */
export function resolveNeeds(draft: TaskDraft, index: DraftIndex, complain: ReportFault): Task {
  const { fields } = draft.declared.definition;
  const { task } = draft;
  if (fields.needs !== undefined)
    task.needs = lateRecord(fields.needs, draft.versionArgument, complain)
      .map(([name, value]) => resolveNeed(name, value, draft, index, complain))
      .filter((need) => need !== undefined);
  if (fields.after !== undefined) task.after = resolveAll(fields.after, draft, index, complain);
  return task;
}

function resolveAll(list: unknown, draft: TaskDraft, index: DraftIndex, complain: ReportFault): TaskId[] {
  if (!Array.isArray(list)) {
    complain({ field: 'after', message: 'wrong value', found: formatValue(list), expected: 'a list' });
    return [];
  }
  const ids = list.flatMap((value, position) =>
    resolveAfter(value, `after.${position}`, draft, index, complain),
  );
  return [...new Set(ids)];
}

function lateRecord(value: unknown, argument: unknown, complain: ReportFault): [string, unknown][] {
  const called = typeof value === 'function' ? attempt(() => value(argument), 'needs', complain) : value;
  if (called === undefined) return [];
  if (
    typeof called === 'object' &&
    called !== null &&
    !Array.isArray(called) &&
    !isDefinition(called) &&
    !isReference(called)
  ) {
    return Object.entries(called);
  }
  complain({
    field: 'needs',
    message: 'wrong value',
    found: formatValue(called),
    expected: 'an object { BUILD_ARG: image }',
  });
  return [];
}

function attempt<T>(call: () => T, field: string, complain: ReportFault): T | undefined {
  try {
    return call();
  } catch (error) {
    complain({ field, message: `the function threw: ${String(error)}` });
    return undefined;
  }
}

function resolveNeed(
  name: string,
  value: unknown,
  draft: TaskDraft,
  index: DraftIndex,
  complain: ReportFault,
): Need | undefined {
  const field = `needs.${name}`;
  const target = asReference(value, field, draft, index, complain);
  if (target === undefined) return undefined;
  const candidates = index.get(target.definition)!;
  const files = makesFiles(candidates[0]!.task);
  const all = target.form === 'all';
  if (all && !files) {
    complain({
      field,
      message: 'several images cannot stand in one build arg',
      expected: 'all() only of commands and of images with output: files',
    });
    return undefined;
  }
  if (!nameFits(name, files, draft.task, field, complain)) return undefined;
  const found = all
    ? candidates.filter((candidate) => matchesAxes(candidate.task, target.where as Axes | undefined))
    : pickOne(target, candidates, draft, field, complain);
  if (found === undefined) return undefined;
  if (found.length === 0) {
    complain({
      field,
      message: 'all() finds no task',
      found: formatValue(target.where),
      expected: listIds(candidates),
    });
    return undefined;
  }
  const tasks = found.map((candidate) => candidate.task.id);
  if (!files && draft.task.kind === 'image' && !isArgName(name))
    return { name, isReference: true, kind: 'image', all, tasks };
  return { name, kind: files ? 'files' : 'image', all, tasks };
}

/** A path in lower case, with a host, tag or digest where it has one. */
function isImageName(name: string): boolean {
  return /^([\w.-]+(:\d+)?\/)?[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:\w[\w.-]*)?(@sha256:[0-9a-f]{64})?$/.test(
    name,
  );
}

function isArgName(name: string): boolean {
  return /^[A-Za-z_]\w*$/.test(name);
}

function nameFits(name: string, files: boolean, task: Task, field: string, complain: ReportFault): boolean {
  if (task.kind === 'image' && !files && !isArgName(name)) {
    if (isImageName(name)) return true;
    complain({
      field,
      message: 'not a name for a build arg, nor that of an image',
      found: formatValue(name),
      expected: "an ARG of the Dockerfile, or an image that it names, such as 'example/postgres:18.3'",
    });
    return false;
  }
  if (task.kind === 'image' && !files && Object.hasOwn(task.args, name)) {
    complain({ field, message: `${name} is also set in args`, expected: 'a build arg from one of the two' });
    return false;
  }
  if (!/^[A-Za-z0-9_][\w.-]*$/.test(name)) {
    complain({
      field,
      message: 'not a name for a folder',
      found: formatValue(name),
      expected: 'letters, digits, _ . -',
    });
    return false;
  }
  return true;
}

function asReference(
  value: unknown,
  field: string,
  draft: TaskDraft,
  index: DraftIndex,
  complain: ReportFault,
): ResolvedReference | undefined {
  const called =
    typeof value === 'function' ? attempt(() => value(draft.versionArgument), field, complain) : value;
  const target: ResolvedReference | undefined = isReference(called)
    ? { form: called[referenceBrand], definition: called.definition, where: called.match }
    : isDefinition(called)
      ? { form: 'plain', definition: called }
      : undefined;
  if (target === undefined) {
    complain({
      field,
      message: 'unknown need',
      found: formatValue(called),
      expected: 'an image() or command(), its .at(…) or .all(…), or a function that returns one',
      ...(called === undefined
        ? { hint: 'definitions that refer to each other across files: write it as a function' }
        : {}),
    });
    return undefined;
  }
  if (index.has(target.definition)) return target;
  complain({
    field,
    message: `unknown need: ${formatValue(target.definition.fields.name)} is not among the project's definitions`,
    hint: 'export it (itself, in an array or in a plain object) from a file tasks/*.ts',
  });
  return undefined;
}

function resolveAfter(
  value: unknown,
  field: string,
  draft: TaskDraft,
  index: DraftIndex,
  complain: ReportFault,
): TaskId[] {
  const target = asReference(value, field, draft, index, complain);
  if (target === undefined) return [];
  const candidates = index.get(target.definition)!;
  if (target.form === 'at')
    return (pickOne(target, candidates, draft, field, complain) ?? []).map((c) => c.task.id);
  const found =
    target.form === 'all'
      ? candidates.filter((c) => matchesAxes(c.task, target.where as Axes))
      : matchingCandidates(candidates, draft.task);
  return found.map((candidate) => candidate.task.id).filter((id) => id !== draft.task.id);
}

function isDefinition(value: unknown): value is Definition {
  return typeof value === 'object' && value !== null && definitionBrand in value;
}

function isReference(value: unknown): value is Reference {
  return typeof value === 'object' && value !== null && referenceBrand in value;
}

/** Where a draft's faults are told to stand. */
export function problemLocation(declared: Declared): { file: string; definition: string } {
  return {
    file: declared.where.file,
    definition: String(declared.definition.fields.name ?? declared.where.name),
  };
}
