import { TasksError } from '../model/errors.ts';
import { type Registry, RegistryError } from '../model/registry.ts';
import { repositoryOf } from '../plan/refs.ts';
import type { Removal } from './choose-removals.ts';
import { describeWork, type Journal, readJournal, writeJournal } from './journal.ts';
import { heartbeatMs } from './publish.ts';
import { finishJournal, type PublishContext } from './publish-context.ts';
import { forEachLimit } from './tags.ts';

/** What came of a sweep. */
export interface RemovalResult {
  readonly removed: readonly Removal[];
  /** Those that are not what they were at the first look: they stay until another time. */
  readonly changed: readonly Removal[];
  /** Why it ended before all was gone. */
  readonly error?: unknown;
}

/** Throws where somebody publishes, or removes, at the moment. @throws TasksError exit 1 */
export async function checkIdle(desk: PublishContext): Promise<void> {
  const found = await readJournal(desk.registry, desk.journalName);
  if (found === undefined) return;
  // A clean that died leaves nothing to end.
  if (found.changes.length === 0 && desk.isAlive(found.owner) === false) return;
  throw new TasksError(1, `${describeWork(found)}: nothing is removed`, {
    hint: 'try again when it is through; if it died, `tasks push --resume` ends it first',
  });
}

/** Throws where nothing could be removed, before anything is. @throws RegistryError */
export async function checkDeletePermission(
  registry: Registry,
  removals: readonly Removal[],
  journal: string,
): Promise<void> {
  const repositories = [...new Set(removals.map(({ repository }) => repository))];
  // Some registries only ever replace what a tag points at.
  await forEachLimit([...repositories, repositoryOf(journal)], (repository) => registry.mayPush(repository));
  await forEachLimit(repositories, (repository) => registry.mayDelete(repository));
}

/**
 * Removes what was chosen, if a second look finds it just the same. Meanwhile the journal is ours: whoever wants to
 * publish waits. What uses others goes before those, so that it can be stopped anywhere.
 * @throws TasksError where nothing was removed
 */
export async function removeTags(
  desk: PublishContext,
  first: readonly Removal[],
  look: () => Promise<readonly Removal[]>,
  signal: AbortSignal,
): Promise<RemovalResult> {
  const hold = await takeJournal(desk);
  const removed: Removal[] = [];
  let changed: Removal[] = [];
  try {
    const now = new Set((await look()).map(mark));
    const chosen = first.filter((removal) => now.has(mark(removal)));
    changed = first.filter((removal) => !now.has(mark(removal)));
    await hold.check();
    for (const group of inRemovalOrder(chosen)) {
      await forEachLimit(group, async (removal) => {
        signal.throwIfAborted();
        await hold.beat();
        await remove(desk.registry, removal);
        removed.push(removal);
      });
    }
    await hold.release();
    return { removed: removed, changed };
  } catch (error) {
    await hold.release().catch(() => undefined);
    if (removed.length === 0) throw error;
    return { removed: removed, changed, error };
  }
}

/** What has to be the same at both looks. */
function mark({ repository, digest, tags, whole }: Removal): string {
  return `${repository}@${digest} ${whole} ${tags.map(({ tag }) => tag).join(' ')}`;
}

/** Groups of removals, each after all that uses them. */
export function inRemovalOrder(removals: readonly Removal[]): Removal[][] {
  const users = new Map<string, Removal[]>();
  for (const removal of removals)
    for (const id of removal.uses) users.set(id, [...(users.get(id) ?? []), removal]);
  const depths = new Map<Removal, number>();
  const depthOf = (removal: Removal): number => {
    const known = depths.get(removal);
    if (known !== undefined) return known;
    // What labels say need not be true: a circle ends here.
    depths.set(removal, 0);
    const above = removal.ids.flatMap((id) => users.get(id) ?? []).filter((each) => each !== removal);
    const depth = above.reduce((most, each) => Math.max(most, depthOf(each) + 1), 0);
    depths.set(removal, depth);
    return depth;
  };
  const depthsUsed = [...new Set(removals.map(depthOf))].sort((a, b) => a - b);
  return depthsUsed.map((depth) => removals.filter((removal) => depths.get(removal) === depth));
}

/**
 * Takes tags away, one by one. No manifest is deleted: a request may be late, and would take with it a tag that somebody
 * put on the same manifest meanwhile. What has no tag any more is the registry's to collect.
 */
async function remove(registry: Registry, { repository, digest, tags }: Removal): Promise<void> {
  for (const { tag } of tags) {
    // Whoever moved it since wants it.
    if ((await registry.head(`${repository}:${tag}`)) !== digest) continue;
    if ((await registry.untag(`${repository}:${tag}`)) === 'gone') continue;
    throw new RegistryError('denied', `the registry does not delete ${repository}:${tag}`, {
      hint: 'ask those who run it to allow deletes, or to let it trim old tags itself',
    });
  }
}

interface Hold {
  /** @throws TasksError where it is ours no more */
  check(): Promise<void>;
  /** Now and then shows others that we still live. */
  beat(): Promise<void>;
  release(): Promise<void>;
}

/** Says in the registry's journal that we are at work. @throws TasksError exit 1 where somebody else is */
async function takeJournal(desk: PublishContext): Promise<Hold> {
  const { registry, clock } = desk;
  await checkIdle(desk);
  const owner = desk.newOwner();
  const time = clock.now().toISOString();
  let journal: Journal = { id: owner.id, owner, time, beat: 0, direction: 'forward', changes: [] };
  await writeJournal(registry, desk.journalName, journal);
  let last = clock.now().getTime();
  const check = async (): Promise<void> => {
    const found = await readJournal(registry, desk.journalName);
    if (found?.id !== journal.id)
      throw new TasksError(1, 'a push begins to publish at the same moment: nothing more is removed', {
        hint: 'try again when it is through',
      });
  };
  return {
    check,
    async beat() {
      if (clock.now().getTime() - last <= heartbeatMs) return;
      last = clock.now().getTime();
      await check();
      journal = { ...journal, beat: journal.beat + 1 };
      await writeJournal(registry, desk.journalName, journal);
    },
    async release() {
      if ((await readJournal(registry, desk.journalName))?.id === journal.id)
        await finishJournal(desk, journal, 'trimmed');
    },
  };
}
