import { contextFile } from '../model/record.ts';
import type { Task } from '../model/task.ts';

/** One difference between two manifests. `before` is missing for an added input, `after` for a removed one. */
export interface Difference {
  readonly kind: string;
  readonly name: string;
  readonly before?: string;
  readonly after?: string;
  /** For an instruction, its line in the Dockerfile. */
  readonly line?: number;
}

/** Returns the difference with a file's path relative to the project root instead of a build context. */
export function withProjectPath(difference: Difference, task: Task): Difference {
  if (difference.kind === contextFile) return withFolder(difference, task);
  if (difference.kind !== 'file' || task.kind !== 'image' || task.context === '.') return difference;
  return { ...difference, name: `${task.context}/${difference.name}` };
}

/** A file of a named context has the context's name before its path. */
function withFolder(difference: Difference, task: Task): Difference {
  const [name, ...rest] = difference.name.split(' ') as [string, ...string[]];
  const source = task.kind === 'image' ? task.contexts?.[name] : undefined;
  if (source === undefined || !('folder' in source)) return difference;
  const folder = source.folder === '.' ? '' : `${source.folder}/`;
  return { ...difference, kind: 'file', name: `${folder}${rest.join(' ')}` };
}

/** The kinds whose values are digests, which are not worth showing. */
const digestKinds = new Set(['file', 'program', 'dockerfile', contextFile]);

/** Formats a difference as three columns: the kind of input, its name, and what changed. */
export function differenceColumns({ kind, name, before, after, line }: Difference): [string, string, string] {
  if (kind === 'schema') return ['key', 'schema', 'the key format changed'];
  if (kind === 'step')
    return ['step', line === undefined ? 'Dockerfile' : `Dockerfile line ${line}`, stepChange(before, after)];
  if (kind === 'task' && name === 'max age')
    return ['age', '', `older than its maxAge of ${after?.split(',')[0]}`];
  if (kind === 'need') return ['need', name, needChange(before, after)];
  if (kind === 'base') return ['base', name, baseChange(before, after)];
  const group = kind === 'image' || kind === 'task' || kind === 'command' ? 'field' : kind;
  if (before === undefined) return [group, name, digestKinds.has(kind) ? 'added' : `added: ${after}`];
  if (after === undefined) return [group, name, 'removed'];
  return [group, name, digestKinds.has(kind) ? fileChange(before, after) : `${before} → ${after}`];
}

/** The longest change, in characters, that a list of reasons shows in full. */
const briefLength = 50;

/** Formats a difference in a few words: `file images/x changed`, `arg PG_VERSION 16.12 → 16.13`. */
export function formatDifference(difference: Difference): string {
  const [kind, name, whole] = differenceColumns(difference);
  const isLong =
    whole.length > briefLength && difference.before !== undefined && difference.after !== undefined;
  const what =
    kind === 'base'
      ? whole.replace(/:.*/, '')
      : isLong && kind !== 'step' && kind !== 'key'
        ? 'changed'
        : truncate(whole, briefLength + 10);
  if (kind === 'key') return what;
  return kind === 'step' || kind === 'field'
    ? `${name}${kind === 'step' ? ':' : ''} ${what}`
    : `${kind} ${name} ${what}`;
}

function stepChange(before: string | undefined, after: string | undefined): string {
  if (before === undefined) return `added: ${oneLine(after!)}`;
  if (after === undefined) return `removed: ${oneLine(before)}`;
  return `${oneLine(before)} → ${oneLine(after)}`;
}

/** Describes the change of a file. The values are its type and its digest or link target. */
function fileChange(before: string, after: string): string {
  const [[oldType, oldContent], [newType, newContent]] = [before.split(' '), after.split(' ')];
  if (oldType === newType || oldType === undefined || newType === undefined) return 'changed';
  const typeNames: Readonly<Record<string, string>> = {
    file: 'a file',
    program: 'executable',
    link: 'a link',
    linked: 'a link',
    dir: 'a folder',
  };
  const isSameContent = oldContent === newContent && oldContent !== undefined;
  const typeName =
    newType === 'file' && oldType === 'program'
      ? 'a file that is not executable'
      : (typeNames[newType] ?? newType);
  return `${isSameContent ? '' : 'changed and '}is now ${typeName}`;
}

/** Describes the change of a need. The values are the needed task's id and its key. */
function needChange(before: string | undefined, after: string | undefined): string {
  const [oldId, newId] = [before?.split(' ')[0], after?.split(' ')[0]];
  if (oldId === undefined) return `added: ${newId}`;
  if (newId === undefined) return 'removed';
  return oldId === newId ? `${newId} changed` : `${oldId} → ${newId}`;
}

/** Describes the change of a base image's pin. The values are digests. */
function baseChange(before: string | undefined, after: string | undefined): string {
  if (before === undefined) return `is now pinned: ${truncate(after!, 20)}`;
  if (after === undefined) return 'is no longer pinned';
  return `moved: ${truncate(before, 20)} → ${truncate(after, 20)}`;
}

function oneLine(text: string): string {
  return truncate(text.replace(/\s+/g, ' '), 60);
}

function truncate(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
