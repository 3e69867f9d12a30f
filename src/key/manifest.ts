import { createHash } from 'node:crypto';
import type { FileEntry, ObservedCommand, ObservedImage } from '../model/observed.ts';
import {
  buildPlatformLine,
  contextFile,
  type Key,
  type Manifest,
  type ManifestLine,
} from '../model/record.ts';
import { schemas } from '../model/schemas.ts';
import {
  type CommandTask,
  type ContextSource,
  type ImageTask,
  type Task,
  type TaskId,
  versionIdOf,
} from '../model/task.ts';

/**
 * Returns everything that can change a task's result, as readable lines. Both the key and the reasons for a rebuild come from it.
 * `needKeys` contains the key of each needed task.
 */
export function makeManifest(
  task: Task,
  observed: ObservedImage | ObservedCommand,
  needKeys: ReadonlyMap<TaskId, Key>,
): Manifest {
  const inputs =
    task.kind === 'image'
      ? imageLines(task, observed as ObservedImage)
      : commandLines(task, observed as ObservedCommand);
  const needs = task.needs.flatMap((need) =>
    need.tasks.map((id): ManifestLine => {
      const version = versionIdOf(id);
      return ['need', need.all ? `${need.name}/${version}` : need.name, `${version} ${needKeys.get(id)}`];
    }),
  );
  return {
    schema: schemas.key,
    lines: [
      ['task', 'id', versionIdOf(task.id)],
      ['task', 'kind', task.kind],
      ...ageLines(task, observed),
      ...Object.keys(task.secrets)
        .sort()
        .map((id): ManifestLine => ['secret', id, 'passed']),
      ...inputs,
      ...needs,
    ],
  };
}

/** The name of the line with the `maxAge` period in which a result was built. */
export const maxAgeLine = 'max age';

function ageLines({ maxAgeMs }: Task, { period }: ObservedImage | ObservedCommand): ManifestLine[] {
  return maxAgeMs === undefined ? [] : [['task', maxAgeLine, `${maxAgeMs / 1000} s, period ${period}`]];
}

function imageLines(task: ImageTask, observed: ObservedImage): ManifestLine[] {
  return [
    ['image', 'platform', task.platform],
    ...(observed.buildPlatform === undefined
      ? []
      : [['image', buildPlatformLine, observed.buildPlatform] as const]),
    ['image', 'network', task.network],
    ['image', 'output', task.output],
    ...(task.target !== undefined ? [['image', 'target', task.target] as const] : []),
    ...optionLines(task),
    ...sortedLines('arg', relevantArgs(task, observed)),
    ...sortedLines('label', task.labels),
    ...dockerfileLines(task, observed),
    ...baseLines(observed),
    ...observed.context.map((entry) => entryLine('file', entry)),
    ...contextLines(observed),
  ];
}

/** Returns the options of RUN instructions that are set: other tasks keep their keys. */
function optionLines({ addHosts, shmSize, ulimits = {}, allow, ssh = {} }: ImageTask): ManifestLine[] {
  return [
    ...(addHosts !== undefined ? [['image', 'hosts', addHosts.join(' ')] as const] : []),
    ...(shmSize !== undefined ? [['image', 'shm size', `${shmSize} bytes`] as const] : []),
    ...(allow !== undefined ? [['image', 'allow', allow.join(' ')] as const] : []),
    ...sortedLines('ulimit', ulimits),
    ...Object.keys(ssh)
      .sort()
      .map((id): ManifestLine => ['ssh', id, 'forwarded']),
  ];
}

/** Returns the named contexts that the target uses. An image counts by its name here, and by its pin or need elsewhere. */
function contextLines({ contexts = [] }: ObservedImage): ManifestLine[] {
  return contexts
    .filter(({ isUsed }) => isUsed)
    .flatMap(({ name, source, entries }) => [
      ['context', name, describeSource(source)] as const,
      ...entries.map((entry) => entryLine(contextFile, { ...entry, path: `${name} ${entry.path}` })),
    ]);
}

/** The content of a folder counts, not its place. */
function describeSource(source: ContextSource): string {
  if ('image' in source) return `docker-image://${source.image}`;
  return 'git' in source ? hideCredentials(source.git) : 'folder';
}

/** Returns the args that the reachable stages declare, and those that BuildKit uses without a declaration. */
function relevantArgs(
  task: ImageTask,
  { reachable, builderArgs = {} }: ObservedImage,
): Readonly<Record<string, string>> {
  const isRelevant = (name: string): boolean =>
    reachable === undefined ||
    reachable.args.includes(name) ||
    name.startsWith('BUILDKIT_') ||
    name === 'SOURCE_DATE_EPOCH';
  const added = Object.entries(builderArgs).map(([name, value]) => [name, hideCredentials(value)] as const);
  const all = { ...Object.fromEntries(added), ...task.args };
  return Object.fromEntries(Object.entries(all).filter(([name]) => isRelevant(name)));
}

/** Replaces the credentials in a URL by a hash, because manifests are shown and shared. */
function hideCredentials(value: string): string {
  return value.replace(
    /(\/\/)([^/@]*)@/g,
    (_, slashes: string, credentials: string) =>
      `${slashes}${createHash('sha256').update(credentials).digest('hex').slice(0, 16)}@`,
  );
}

function dockerfileLines(task: ImageTask, { reachable, dockerfile }: ObservedImage): ManifestLine[] {
  if (reachable !== undefined)
    return reachable.steps.map(({ name, text, line }) => ['step', name, text, line]);
  return [['dockerfile', task.dockerfile, dockerfile.digest]];
}

/** Returns the pins of external images. An image without a pin counts by its name in the instruction. */
function baseLines({ bases }: ObservedImage): ManifestLine[] {
  const pinned = new Map<string, string>();
  for (const { reference, platform, digest } of bases)
    if (digest !== undefined)
      pinned.set(`${reference}${platform === 'any' ? ' (any platform)' : ''}`, digest);
  return sortedLines('base', Object.fromEntries(pinned));
}

function commandLines(task: CommandTask, observed: ObservedCommand): ManifestLine[] {
  return [
    ['command', 'machine', observed.machine],
    ...(task.platform === undefined ? [] : [['command', 'platform', task.platform] as const]),
    ...task.run.map((argument, index): ManifestLine => ['argv', String(index), argument]),
    ...Object.entries(observed.env).map(
      ([name, value]): ManifestLine => ['env', name, value === null ? 'unset' : `=${value}`],
    ),
    ...(observed.program !== undefined ? [entryLine('program', observed.program)] : []),
    ...observed.inputs.map((entry) => entryLine('file', entry)),
  ];
}

function sortedLines(kind: string, values: Readonly<Record<string, string>>): ManifestLine[] {
  return Object.entries(values)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => [kind, name, value]);
}

function entryLine(kind: string, entry: FileEntry): ManifestLine {
  if (entry.type !== 'link') return [kind, entry.path, contentOf(entry)];
  const { path, target, resolved } = entry;
  if (resolved === undefined) return [kind, path, `link ${target}`];
  // The target comes last, because it can contain spaces.
  return [kind, path, `linked ${contentOf(resolved)} ${target}`];
}

function contentOf(entry: FileEntry): string {
  return entry.type === 'file' ? `${entry.executable ? 'program' : 'file'} ${entry.digest}` : entry.type;
}
