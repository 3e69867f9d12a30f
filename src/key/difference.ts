import type { Task } from '../model/task.ts';

/** One difference between two manifests. `before` or `after` is missing where something is new or gone. */
export interface Difference {
  readonly kind: string;
  readonly name: string;
  readonly before?: string;
  readonly after?: string;
  /** Of an instruction: its line in the Dockerfile. */
  readonly line?: number;
}

/** The same difference with a file's path from the project root, as a person would look for it. */
export function withProjectPath(difference: Difference, task: Task): Difference {
  if (difference.kind !== 'file' || task.kind !== 'image' || task.context === '.') return difference;
  return { ...difference, name: `${task.context}/${difference.name}` };
}

/** Kinds whose values are digests, which say nothing to a person. */
const opaque = new Set(['file', 'program', 'dockerfile']);

/** A difference as three columns: what kind of input, which, and what happened to it. */
export function differenceColumns({ kind, name, before, after, line }: Difference): [string, string, string] {
  if (kind === 'schema') return ['key', 'schema', 'keys are made in another way since'];
  if (kind === 'step')
    return ['step', line === undefined ? 'Dockerfile' : `Dockerfile line ${line}`, change(before, after)];
  if (kind === 'task' && name === 'max age')
    return ['age', '', `older than its maxAge of ${after?.split(',')[0]}`];
  if (kind === 'need') return ['need', name, needChange(before, after)];
  if (kind === 'base') return ['base', name, baseChange(before, after)];
  const group = kind === 'image' || kind === 'task' || kind === 'command' ? 'field' : kind;
  if (before === undefined) return [group, name, opaque.has(kind) ? 'is new' : `is new: ${after}`];
  if (after === undefined) return [group, name, 'is gone'];
  return [group, name, opaque.has(kind) ? fileChange(before, after) : `${before} → ${after}`];
}

/** As many characters of what happened as fit into a list of reasons. */
const briefly = 50;

/** The same in a few words: `file images/x changed`, `arg PG_VERSION 16.12 → 16.13`. */
export function formatDifference(difference: Difference): string {
  const [kind, name, whole] = differenceColumns(difference);
  const isLong = whole.length > briefly && difference.before !== undefined && difference.after !== undefined;
  const what =
    kind === 'base'
      ? whole.replace(/:.*/, '')
      : isLong && kind !== 'step' && kind !== 'key'
        ? 'changed'
        : cut(whole, briefly + 10);
  if (kind === 'key') return what;
  return kind === 'step' || kind === 'field'
    ? `${name}${kind === 'step' ? ':' : ''} ${what}`
    : `${kind} ${name} ${what}`;
}

function change(before: string | undefined, after: string | undefined): string {
  if (before === undefined) return `is new: ${oneLine(after!)}`;
  if (after === undefined) return `is gone: ${oneLine(before)}`;
  return `${oneLine(before)} → ${oneLine(after)}`;
}

/** Values are a type and a digest or target: what of it changed? */
function fileChange(before: string, after: string): string {
  const [[was, old], [is, now]] = [before.split(' '), after.split(' ')];
  if (was === is || was === undefined || is === undefined) return 'changed';
  const words: Readonly<Record<string, string>> = {
    file: 'a file',
    program: 'executable',
    link: 'a link',
    linked: 'a link',
    dir: 'a folder',
  };
  const alike = old === now && old !== undefined;
  return `${alike ? '' : 'changed, and '}is now ${words[is] ?? is}${is === 'file' && was === 'program' ? ' that is not executable' : ''}`;
}

/** Values are a task's id and its key. */
function needChange(before: string | undefined, after: string | undefined): string {
  const [old, now] = [before?.split(' ')[0], after?.split(' ')[0]];
  if (old === undefined) return `is new: ${now}`;
  if (now === undefined) return 'is gone';
  return old === now ? `${now} changed` : `${old} → ${now}`;
}

/** Values are digests of images. */
function baseChange(before: string | undefined, after: string | undefined): string {
  if (before === undefined) return `is pinned now: ${cut(after!, 20)}`;
  if (after === undefined) return 'is no longer pinned';
  return `moved: ${cut(before, 20)} → ${cut(after, 20)}`;
}

function oneLine(text: string): string {
  return cut(text.replace(/\s+/g, ' '), 60);
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
