import { createHash } from 'node:crypto';
import type { FileEntry, ObservedCommand, ObservedImage } from '../model/observed.ts';
import type { Key, Manifest, ManifestLine } from '../model/record.ts';
import type { CommandTask, ImageTask, Task, TaskId } from '../model/task.ts';

/** Part of every key: another meaning of a manifest is another schema, and nothing old is reused. */
const keySchema = 5;

/**
 * Everything that can change a task's result, as readable lines. The one source for both the key and its explanation.
 * `needKeys` holds the key of each task that this one needs.
 */
export function makeManifest(
  task: Task,
  observed: ObservedImage | ObservedCommand,
  needKeys: ReadonlyMap<TaskId, Key>,
): Manifest {
  const own =
    task.kind === 'image'
      ? imageLines(task, observed as ObservedImage)
      : commandLines(task, observed as ObservedCommand);
  const needs = task.needs.flatMap((need) =>
    need.tasks.map(
      (id): ManifestLine => [
        'need',
        need.all ? `${need.name}/${id}` : need.name,
        `${id} ${needKeys.get(id)}`,
      ],
    ),
  );
  return {
    schema: keySchema,
    lines: [
      ['task', 'id', task.id],
      ['task', 'kind', task.kind],
      ...ageLines(task, observed),
      ...Object.keys(task.secrets)
        .sort()
        .map((id): ManifestLine => ['secret', id, 'passed']),
      ...own,
      ...needs,
    ],
  };
}

/** What tells the period in which a result was made. */
export const maxAgeLine = 'max age';

function ageLines({ maxAgeMs }: Task, { period }: ObservedImage | ObservedCommand): ManifestLine[] {
  return maxAgeMs === undefined ? [] : [['task', maxAgeLine, `${maxAgeMs / 1000} s, period ${period}`]];
}

function imageLines(task: ImageTask, observed: ObservedImage): ManifestLine[] {
  return [
    ['image', 'platform', task.platform],
    ['image', 'network', task.network],
    ['image', 'output', task.output],
    ...(task.target !== undefined ? [['image', 'target', task.target] as const] : []),
    ...pairs('arg', countingArgs(task, observed)),
    ...pairs('label', task.labels),
    ...dockerfileLines(task, observed),
    ...baseLines(observed),
    ...observed.context.map((entry) => entryLine('file', entry)),
  ];
}

/** Those that the seen stages declare, and those that BuildKit heeds without. */
function countingArgs(
  task: ImageTask,
  { reachable, builderArgs = {} }: ObservedImage,
): Readonly<Record<string, string>> {
  const counts = (name: string): boolean =>
    reachable === undefined ||
    reachable.args.includes(name) ||
    name.startsWith('BUILDKIT_') ||
    name === 'SOURCE_DATE_EPOCH';
  const added = Object.entries(builderArgs).map(([name, value]) => [name, withoutPassword(value)] as const);
  const all = { ...Object.fromEntries(added), ...task.args };
  return Object.fromEntries(Object.entries(all).filter(([name]) => counts(name)));
}

/** A manifest is shown and shared: of who is let into a proxy it holds only that it is somebody else. */
function withoutPassword(value: string): string {
  return value.replace(
    /(\/\/)([^/@]*)@/g,
    (_, slashes: string, user: string) =>
      `${slashes}${createHash('sha256').update(user).digest('hex').slice(0, 16)}@`,
  );
}

function dockerfileLines(task: ImageTask, { reachable, dockerfile }: ObservedImage): ManifestLine[] {
  if (reachable !== undefined)
    return reachable.steps.map(({ name, text, line }) => ['step', name, text, line]);
  return [['dockerfile', task.dockerfile, dockerfile.digest]];
}

/** Images from outside that are pinned; one that is not counts by its name, in the instruction. */
function baseLines({ bases }: ObservedImage): ManifestLine[] {
  const pinned = new Map<string, string>();
  for (const { reference, platform, digest } of bases)
    if (digest !== undefined)
      pinned.set(`${reference}${platform === 'any' ? ' (any platform)' : ''}`, digest);
  return pairs('base', Object.fromEntries(pinned));
}

function commandLines(task: CommandTask, observed: ObservedCommand): ManifestLine[] {
  return [
    ['command', 'machine', observed.machine],
    ...task.run.map((argument, index): ManifestLine => ['argv', String(index), argument]),
    ...Object.entries(observed.env).map(
      ([name, value]): ManifestLine => ['env', name, value === null ? 'unset' : `=${value}`],
    ),
    ...(observed.program !== undefined ? [entryLine('program', observed.program)] : []),
    ...observed.inputs.map((entry) => entryLine('file', entry)),
  ];
}

function pairs(kind: string, values: Readonly<Record<string, string>>): ManifestLine[] {
  return Object.entries(values)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => [kind, name, value]);
}

function entryLine(kind: string, entry: FileEntry): ManifestLine {
  if (entry.type !== 'link') return [kind, entry.path, contentOf(entry)];
  const { path, target, resolved } = entry;
  if (resolved === undefined) return [kind, path, `link ${target}`];
  // The target last: it may hold anything.
  return [kind, path, `linked ${contentOf(resolved)} ${target}`];
}

function contentOf(entry: FileEntry): string {
  return entry.type === 'file' ? `${entry.executable ? 'program' : 'file'} ${entry.digest}` : entry.type;
}
