import { TasksError } from '../model/errors.ts';
import { type Registry, RegistryError } from '../model/registry.ts';
import { repositoryOf } from '../plan/refs.ts';
import type { Removal } from './choose-removals.ts';
import { describeWork, type Journal, readJournal, writeJournal } from './journal.ts';
import { heartbeatMs } from './publish.ts';
import { finishJournal, type PublishContext } from './publish-context.ts';
import { forEachLimit } from './tags.ts';

/** The result of `removeTags`. */
export interface RemovalResult {
  readonly removed: readonly Removal[];
  /** Tags that changed after they were chosen. They are kept. */
  readonly changed: readonly Removal[];
  /** Why it stopped before all tags were removed. */
  readonly error?: unknown;
}

/** Checks that no push and no other clean is in progress. @throws TasksError exit 1 if one is */
export async function checkIdle(context: PublishContext): Promise<void> {
  const found = await readJournal(context.registry, context.journalName);
  if (found === undefined) return;
  // A dead clean needs no recovery.
  if (found.changes.length === 0 && context.isAlive(found.owner) === false) return;
  throw new TasksError(1, `${describeWork(found)}; nothing was removed`, {
    hint: 'try again when it finishes; if its process is dead, run `tasks push --resume` first',
  });
}

/** Checks, before anything is removed, that the registry allows it. @throws RegistryError */
export async function checkDeletePermission(
  registry: Registry,
  removals: readonly Removal[],
  journal: string,
): Promise<void> {
  const repositories = [...new Set(removals.map(({ repository }) => repository))];
  // Where single tags cannot be deleted, deleting one takes a push.
  await forEachLimit([...repositories, repositoryOf(journal)], (repository) => registry.mayPush(repository));
  await forEachLimit(repositories, (repository) => registry.mayDelete(repository));
}

/**
 * Removes tags. Holds the journal meanwhile, so that pushes wait, and removes only what `chooseAgain` still chooses then.
 * Removes images before the images that they use, so that it can stop at any point.
 * @throws TasksError if nothing was removed
 */
export async function removeTags(
  context: PublishContext,
  chosen: readonly Removal[],
  chooseAgain: () => Promise<readonly Removal[]>,
  signal: AbortSignal,
): Promise<RemovalResult> {
  const lock = await lockJournal(context);
  const removed: Removal[] = [];
  let changed: Removal[] = [];
  try {
    const current = new Set((await chooseAgain()).map(fingerprint));
    const unchanged = chosen.filter((removal) => current.has(fingerprint(removal)));
    changed = chosen.filter((removal) => !current.has(fingerprint(removal)));
    await lock.check();
    for (const group of inRemovalOrder(unchanged)) {
      await forEachLimit(group, async (removal) => {
        signal.throwIfAborted();
        await lock.heartbeat();
        await remove(context.registry, removal);
        removed.push(removal);
      });
    }
    await lock.release();
    return { removed: removed, changed };
  } catch (error) {
    await lock.release().catch(() => undefined);
    if (removed.length === 0) throw error;
    return { removed: removed, changed, error };
  }
}

/** Identifies a removal. It is skipped if any part of this changes. */
function fingerprint({ repository, digest, tags, whole }: Removal): string {
  return `${repository}@${digest} ${whole} ${tags.map(({ tag }) => tag).join(' ')}`;
}

/** Groups removals so that each group comes after everything that uses it. */
export function inRemovalOrder(removals: readonly Removal[]): Removal[][] {
  const users = new Map<string, Removal[]>();
  for (const removal of removals)
    for (const id of removal.uses) users.set(id, [...(users.get(id) ?? []), removal]);
  const depths = new Map<Removal, number>();
  const depthOf = (removal: Removal): number => {
    const known = depths.get(removal);
    if (known !== undefined) return known;
    // Labels may be wrong: this ends a cycle.
    depths.set(removal, 0);
    const usedIn = removal.ids.flatMap((id) => users.get(id) ?? []).filter((each) => each !== removal);
    const depth = usedIn.reduce((max, each) => Math.max(max, depthOf(each) + 1), 0);
    depths.set(removal, depth);
    return depth;
  };
  const depthsUsed = [...new Set(removals.map(depthOf))].sort((a, b) => a - b);
  return depthsUsed.map((depth) => removals.filter((removal) => depths.get(removal) === depth));
}

/**
 * Removes tags, one by one. Never deletes a manifest: a delayed request would also delete a tag that was put on the manifest
 * in the meantime. The registry garbage-collects manifests without tags.
 */
async function remove(registry: Registry, { repository, digest, tags }: Removal): Promise<void> {
  for (const { tag } of tags) {
    // A tag that has moved is in use.
    if ((await registry.head(`${repository}:${tag}`)) !== digest) continue;
    if ((await registry.untag(`${repository}:${tag}`)) === 'gone') continue;
    throw new RegistryError('denied', `the registry refused to delete ${repository}:${tag}`, {
      hint: "ask the registry's administrator to allow deletes or to set a retention policy",
    });
  }
}

interface JournalLock {
  /** @throws TasksError if a push has replaced the journal */
  check(): Promise<void>;
  /** Rewrites the journal if the last heartbeat is old, to show that this process is running. */
  heartbeat(): Promise<void>;
  release(): Promise<void>;
}

/** Writes a journal that makes pushes wait. @throws TasksError exit 1 if a push or another clean is in progress */
async function lockJournal(context: PublishContext): Promise<JournalLock> {
  const { registry, clock } = context;
  await checkIdle(context);
  const owner = context.newOwner();
  const time = clock.now().toISOString();
  let journal: Journal = { id: owner.id, owner, time, beat: 0, direction: 'forward', changes: [] };
  await writeJournal(registry, context.journalName, journal);
  let lastBeat = clock.now().getTime();
  const check = async (): Promise<void> => {
    const found = await readJournal(registry, context.journalName);
    if (found?.id !== journal.id)
      throw new TasksError(1, 'a push started to publish at the same time; no more tags were removed', {
        hint: 'try again when it finishes',
      });
  };
  return {
    check,
    async heartbeat() {
      if (clock.now().getTime() - lastBeat <= heartbeatMs) return;
      lastBeat = clock.now().getTime();
      await check();
      journal = { ...journal, beat: journal.beat + 1 };
      await writeJournal(registry, context.journalName, journal);
    },
    async release() {
      if ((await readJournal(registry, context.journalName))?.id === journal.id)
        await finishJournal(context, journal, 'trimmed');
    },
  };
}
