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
import { matchPlatforms } from './match-platform.ts';

/** All drafts by their definition. */
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

/** Resolves a draft's `needs` and `after` to task IDs and returns the completed task. */
export function resolveNeeds(draft: TaskDraft, index: DraftIndex, report: ReportFault): Task {
  const { fields } = draft.declared.definition;
  const { task } = draft;
  if (fields.needs !== undefined)
    task.needs = needEntries(fields.needs, draft.versionArgument, report)
      .map(([name, value]) => resolveNeed(name, value, draft, index, report))
      .filter((need) => need !== undefined);
  if (fields.after !== undefined) task.after = resolveAfter(fields.after, draft, index, report);
  return task;
}

function resolveAfter(list: unknown, draft: TaskDraft, index: DraftIndex, report: ReportFault): TaskId[] {
  if (!Array.isArray(list)) {
    report({ field: 'after', message: 'wrong value', found: formatValue(list), expected: 'a list' });
    return [];
  }
  const ids = list.flatMap((value, position) =>
    resolveAfterItem(value, `after.${position}`, draft, index, report),
  );
  return [...new Set(ids)];
}

function needEntries(value: unknown, argument: unknown, report: ReportFault): [string, unknown][] {
  const result = typeof value === 'function' ? tryCall(() => value(argument), 'needs', report) : value;
  if (result === undefined) return [];
  if (
    typeof result === 'object' &&
    result !== null &&
    !Array.isArray(result) &&
    !isDefinition(result) &&
    !isReference(result)
  ) {
    return Object.entries(result);
  }
  report({
    field: 'needs',
    message: 'wrong value',
    found: formatValue(result),
    expected: 'an object { BUILD_ARG: image }',
  });
  return [];
}

function tryCall<T>(call: () => T, field: string, report: ReportFault): T | undefined {
  try {
    return call();
  } catch (error) {
    report({ field, message: `the function threw: ${String(error)}` });
    return undefined;
  }
}

function resolveNeed(
  name: string,
  value: unknown,
  draft: TaskDraft,
  index: DraftIndex,
  report: ReportFault,
): Need | undefined {
  const field = `needs.${name}`;
  const target = toReference(value, field, draft, index, report);
  if (target === undefined) return undefined;
  const candidates = matchPlatforms(index.get(target.definition)!, draft.task.platform);
  const files = makesFiles(candidates[0]!.task);
  const all = target.form === 'all';
  if (all && !files) {
    report({
      field,
      message: 'a build arg cannot hold several images',
      expected: 'all() of a command or of an image with output: files',
    });
    return undefined;
  }
  if (!checkNeedName(name, files, draft.task, field, report)) return undefined;
  const found = all
    ? candidates.filter((candidate) => matchesAxes(candidate.task, target.where as Axes | undefined))
    : pickOne(target, candidates, draft, field, report);
  if (found === undefined) return undefined;
  if (found.length === 0) {
    report({
      field,
      message: 'all() matches no task',
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

/** Returns true for an image name: a lowercase path with an optional host, tag or digest. */
function isImageName(name: string): boolean {
  return /^([\w.-]+(:\d+)?\/)?[a-z0-9]+([._-]+[a-z0-9]+)*(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:\w[\w.-]*)?(@sha256:[0-9a-f]{64})?$/.test(
    name,
  );
}

function isArgName(name: string): boolean {
  return /^[A-Za-z_]\w*$/.test(name);
}

function checkNeedName(
  name: string,
  files: boolean,
  task: Task,
  field: string,
  report: ReportFault,
): boolean {
  if (task.kind === 'image' && !files && !isArgName(name)) {
    if (isImageName(name)) return true;
    report({
      field,
      message: 'neither the name of a build arg nor of an image',
      found: formatValue(name),
      expected: "an ARG of the Dockerfile, or an image named in it, such as 'example/postgres:18.3'",
    });
    return false;
  }
  if (task.kind === 'image' && !files && Object.hasOwn(task.args, name)) {
    report({
      field,
      message: `${name} is also set in args`,
      expected: 'each build arg in needs or args, not both',
    });
    return false;
  }
  if (!/^[A-Za-z0-9_][\w.-]*$/.test(name)) {
    report({
      field,
      message: 'not a valid folder name',
      found: formatValue(name),
      expected: 'letters, digits, _ . -',
    });
    return false;
  }
  return true;
}

function toReference(
  value: unknown,
  field: string,
  draft: TaskDraft,
  index: DraftIndex,
  report: ReportFault,
): ResolvedReference | undefined {
  const result =
    typeof value === 'function' ? tryCall(() => value(draft.versionArgument), field, report) : value;
  const target: ResolvedReference | undefined = isReference(result)
    ? { form: result[referenceBrand], definition: result.definition, where: result.match }
    : isDefinition(result)
      ? { form: 'plain', definition: result }
      : undefined;
  if (target === undefined) {
    report({
      field,
      message: 'unknown need',
      found: formatValue(result),
      expected: 'an image() or command(), its .at(…) or .all(…), or a function that returns one',
      ...(result === undefined
        ? { hint: 'if two files import each other, write the need as a function: () => …' }
        : {}),
    });
    return undefined;
  }
  if (index.has(target.definition)) return target;
  report({
    field,
    message: `unknown need: ${formatValue(target.definition.fields.name)} is not exported`,
    hint: 'export it from a file tasks/*.ts, directly or in an array or plain object',
  });
  return undefined;
}

function resolveAfterItem(
  value: unknown,
  field: string,
  draft: TaskDraft,
  index: DraftIndex,
  report: ReportFault,
): TaskId[] {
  const target = toReference(value, field, draft, index, report);
  if (target === undefined) return [];
  const candidates = matchPlatforms(index.get(target.definition)!, draft.task.platform);
  if (target.form === 'at')
    return (pickOne(target, candidates, draft, field, report) ?? []).map((c) => c.task.id);
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

/** Returns the location of a definition for a Problem. */
export function problemLocation(declared: Declared): { file: string; definition: string } {
  return {
    file: declared.where.file,
    definition: String(declared.definition.fields.name ?? declared.where.name),
  };
}
