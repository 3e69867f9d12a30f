import { type Registry, RegistryError } from '../model/registry.ts';
import type { TaskId } from '../model/task.ts';
import type { Naming } from '../plan/refs.ts';
import { projectHash } from './project-hash.ts';

/** A tag that a publication sets. */
export interface TagChange {
  /** `repo/name:tag` */
  readonly name: string;
  readonly task: TaskId;
  /** The digest that the tag pointed to before, `sha256:…`; undefined if there was no such tag. */
  readonly before?: string;
  /** The digest that the tag is to point to, `sha256:…`. */
  readonly after: string;
  /** True for an alias, which is set after all other tags. */
  readonly isAlias: boolean;
}

/** A publication that is in progress or was interrupted. It is stored in the registry, so that any machine can complete it. */
export interface Journal {
  readonly id: string;
  /** The process that wrote it. Only the machine that it names can tell whether the process is still running. */
  readonly owner: unknown;
  /** ISO 8601, UTC. */
  readonly time: string;
  /** Incremented while the process works. A journal that stays unchanged for too long belongs to a dead process. */
  readonly beat: number;
  /** `back`: the publication failed, and its tags are being rolled back. */
  readonly direction: 'forward' | 'back';
  /** Empty while `tasks clean` deletes old tags. Nothing may be published until it finishes. */
  readonly changes: readonly TagChange[];
}

const schema = 1;

/** Returns the tag that holds a project's journal. A project has one journal for everything that it publishes. */
export function journalName({ repo, cacheRepo }: Naming): string {
  if (cacheRepo === undefined) return `${repo}/release-journal:current`;
  return `${cacheRepo}:release-journal-${projectHash({ repo })}`;
}

/** Reads the open journal; undefined if there is none. @throws RegistryError `broken` for anything that is not a journal */
export async function readJournal(registry: Registry, name: string): Promise<Journal | undefined> {
  const text = await registry.read(name);
  if (text === undefined) return undefined;
  const document = parse(text);
  if (document?.schema !== schema)
    throw new RegistryError('broken', `${name} is not a journal that this version of tasks can read`, {
      hint: 'it may hold an unfinished release; use the version of tasks that wrote it',
    });
  return document.open;
}

interface Document {
  readonly schema: number;
  readonly open?: Journal;
  readonly last?: ClosedJournal;
}

/** How the last publication ended, for people who inspect the registry. */
export interface ClosedJournal {
  readonly id: string;
  readonly time: string;
  readonly outcome: 'published' | 'reverted' | 'withdrawn' | 'trimmed';
}

/** Returns a message that says what the owner of a journal is doing. */
export function describeWork({ changes, time }: Journal): string {
  return changes.length > 0
    ? `another push has been publishing since ${time}`
    : `another clean has been deleting old tags since ${time}`;
}

/** No journal that `tasks` writes is larger. */
const max = { text: 8 << 20, changes: 50_000, field: 512 };

function parse(text: string): Document | undefined {
  if (text.length > max.text) return undefined;
  try {
    const value = JSON.parse(text) as Document | null;
    const isValid = value !== null && typeof value === 'object' && (!value.open || isJournal(value.open));
    return isValid ? value : undefined;
  } catch {
    // Reported as a journal that cannot be read.
    return undefined;
  }
}

function isJournal(value: Journal): boolean {
  return (
    isPlainText(value.id) &&
    isPlainText(value.time) &&
    Number.isSafeInteger(value.beat) &&
    ['forward', 'back'].includes(value.direction) &&
    Array.isArray(value.changes) &&
    value.changes.length <= max.changes &&
    value.changes.every(isChange) &&
    new Set(value.changes.map(({ name }) => name)).size === value.changes.length
  );
}

function isChange(value: TagChange | null): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { name, task, before, after, isAlias } = value;
  const isDigest = (each: unknown): boolean => typeof each === 'string' && /^sha256:[0-9a-f]{64}$/.test(each);
  return (
    isPlainText(name) &&
    /^[^@\s]+:\w[\w.-]{0,127}$/.test(name) &&
    isPlainText(task) &&
    isDigest(after) &&
    (before === undefined || isDigest(before)) &&
    typeof isAlias === 'boolean'
  );
}

/** Rejects control characters, because these fields are printed to the terminal. */
function isPlainText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= max.field && !/\p{Cc}/u.test(value);
}

/** Writes an open journal. From now on any push, from any machine, can complete it or roll it back. */
export async function writeJournal(registry: Registry, name: string, journal: Journal): Promise<void> {
  await overwriteTag(registry, name, JSON.stringify({ schema, open: journal } satisfies Document));
}

/** Closes the journal. The tag stays, because not every registry can delete it. */
export async function closeJournal(registry: Registry, name: string, ended: ClosedJournal): Promise<void> {
  await overwriteTag(registry, name, JSON.stringify({ schema, last: ended } satisfies Document));
}

/** Writes a text under a tag that may exist. @throws RegistryError `immutable`, with a hint that names `cacheRepo` */
export async function overwriteTag(registry: Registry, name: string, text: string): Promise<void> {
  try {
    await registry.write(name, text);
  } catch (error) {
    if (!(error instanceof RegistryError) || error.problem !== 'immutable') throw error;
    throw new RegistryError('immutable', `a release needs a tag that it can overwrite: ${error.message}`, {
      hint: "set cacheRepo in project() to a repository with mutable tags: project({ cacheRepo: '…/build-cache' })",
      cause: error,
    });
  }
}
