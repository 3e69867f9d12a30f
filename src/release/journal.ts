import { type Registry, RegistryError } from '../model/registry.ts';
import type { TaskId } from '../model/task.ts';
import type { Naming } from '../plan/refs.ts';
import { projectHash } from './project-hash.ts';

/** One tag that a publication sets. */
export interface TagChange {
  /** `repo/name:tag` */
  readonly name: string;
  readonly task: TaskId;
  /** `sha256:…` that it pointed at before; undefined: there was no such tag. */
  readonly before?: string;
  /** `sha256:…` that it shall point at. */
  readonly after: string;
  /** A moving tag, set after all others. */
  readonly isAlias: boolean;
}

/** A publication that is under way, or was when its process ended. It lies in the registry, for any machine to end it. */
export interface Journal {
  readonly id: string;
  /** Who wrote it; only the machine it names can tell whether that process still lives. */
  readonly owner: unknown;
  /** ISO 8601, UTC. */
  readonly time: string;
  /** Rewritten with another number while the work goes on: what does not change for long is dead. */
  readonly beat: number;
  /** `back`: it failed, and its tags are being put back. */
  readonly direction: 'forward' | 'back';
  /** None: old tags are being removed, and nothing may be published meanwhile. */
  readonly changes: readonly TagChange[];
}

const schema = 1;

/** The name under which a project keeps its journal: one for all that it publishes. */
export function journalName({ repo, cacheRepo }: Naming): string {
  if (cacheRepo === undefined) return `${repo}/release-journal:current`;
  return `${cacheRepo}:release-journal-${projectHash({ repo })}`;
}

/** The journal that lies there; undefined where nothing is under way. @throws RegistryError `broken` */
export async function readJournal(registry: Registry, name: string): Promise<Journal | undefined> {
  const text = await registry.read(name);
  if (text === undefined) return undefined;
  const document = parse(text);
  if (document?.schema !== schema)
    throw new RegistryError('broken', `${name} is no journal that this version of tasks can read`, {
      hint: 'an unfinished release may lie there: use the version of tasks that wrote it',
    });
  return document.open;
}

interface Document {
  readonly schema: number;
  readonly open?: Journal;
  readonly last?: ClosedJournal;
}

/** How the last publication ended, for people who look into the registry. */
export interface ClosedJournal {
  readonly id: string;
  readonly time: string;
  readonly outcome: 'published' | 'reverted' | 'withdrawn' | 'trimmed';
}

/** What is under way, for people. */
export function describeWork({ changes, time }: Journal): string {
  return changes.length > 0
    ? `another push is publishing since ${time}`
    : `a clean is removing old tags since ${time}`;
}

/** Sizes beyond which nothing is a journal of ours. */
const most = { text: 8 << 20, changes: 50_000, word: 512 };

function parse(text: string): Document | undefined {
  if (text.length > most.text) return undefined;
  try {
    const value = JSON.parse(text) as Document | null;
    const isGood = value !== null && typeof value === 'object' && (!value.open || isJournal(value.open));
    return isGood ? value : undefined;
  } catch {
    // Told as a journal that cannot be read.
    return undefined;
  }
}

function isJournal(value: Journal): boolean {
  return (
    isWord(value.id) &&
    isWord(value.time) &&
    Number.isSafeInteger(value.beat) &&
    ['forward', 'back'].includes(value.direction) &&
    Array.isArray(value.changes) &&
    value.changes.length <= most.changes &&
    value.changes.every(isChange) &&
    new Set(value.changes.map(({ name }) => name)).size === value.changes.length
  );
}

function isChange(value: TagChange | null): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { name, task, before, after, isAlias } = value;
  const isDigest = (each: unknown): boolean => typeof each === 'string' && /^sha256:[0-9a-f]{64}$/.test(each);
  return (
    isWord(name) &&
    /^[^@\s]+:\w[\w.-]{0,127}$/.test(name) &&
    isWord(task) &&
    isDigest(after) &&
    (before === undefined || isDigest(before)) &&
    typeof isAlias === 'boolean'
  );
}

/** It is shown to people: nothing that commands a terminal. */
function isWord(value: unknown): boolean {
  return typeof value === 'string' && value.length <= most.word && !/\p{Cc}/u.test(value);
}

/** Puts a journal there: from now on any push, from anywhere, can end what it says. */
export async function writeJournal(registry: Registry, name: string, journal: Journal): Promise<void> {
  await overwriteTag(registry, name, JSON.stringify({ schema, open: journal } satisfies Document));
}

/** Says that nothing is under way any more. The tag stays: registries without delete keep everything. */
export async function closeJournal(registry: Registry, name: string, ended: ClosedJournal): Promise<void> {
  await overwriteTag(registry, name, JSON.stringify({ schema, last: ended } satisfies Document));
}

/** Writes a text under a tag that moves. @throws RegistryError `immutable`, with the remedy */
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
