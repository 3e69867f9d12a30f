import { TasksError } from '../model/errors.ts';
import { describeWork, type Journal, readJournal, type TagChange, writeJournal } from './journal.ts';
import {
  checkJournalIsOurs,
  errorMessage,
  exitCodeOf,
  finishJournal,
  formatNames,
  mismatchedTags,
  type PublishContext,
} from './publish-context.ts';
import { discardJournal, nothingPublished, rollBack } from './rollback.ts';
import { forEachLimit, inPublishOrder, manifestReader, queryDigests } from './tags.ts';

/**
 * How old the last beat may be when a tag is set, milliseconds. Others count a journal as dead that is still for 30 seconds:
 * this, and the longest that one request of the desk's registry takes, must be less.
 */
export const heartbeatMs = 3_000;

/**
 * Sets all tags, or none: the journal first, then new tags, then those that move, then aliases; a failure or an interrupt
 * puts all of them back. Whatever happens to this process, the next push ends what the journal says.
 * `changes`: of images whose manifests are in their repositories.
 * @throws TasksError that says how the tags stand now
 */
export async function publish(
  desk: PublishContext,
  changes: readonly TagChange[],
  signal: AbortSignal,
): Promise<void> {
  if (changes.length === 0) return;
  const { registry, clock } = desk;
  const manifest = manifestReader(registry);
  try {
    // Everything is there, before anything is touched.
    await forEachLimit(changes, async ({ name, after }) => void (await manifest(name, after)));
    await stopForAnother(desk);
    signal.throwIfAborted();
  } catch (error) {
    throw nothingPublished(error, signal);
  }
  const owner = desk.newOwner();
  let journal: Journal = {
    id: owner.id,
    owner,
    time: clock.now().toISOString(),
    beat: 0,
    direction: 'forward',
    changes,
  };
  try {
    await writeJournal(registry, desk.journalName, journal);
    await stopIfMoved(desk, changes);
    await checkJournalIsOurs(desk, journal);
  } catch (error) {
    await discardJournal(desk, journal, error);
    throw nothingPublished(error, signal);
  }
  let lastBeat = clock.now().getTime();
  try {
    for (const group of inPublishOrder(changes)) {
      await forEachLimit(group, async ({ name, after }) => {
        signal.throwIfAborted();
        if (clock.now().getTime() - lastBeat > heartbeatMs) {
          lastBeat = clock.now().getTime();
          journal = { ...journal, beat: journal.beat + 1 };
          await writeJournal(registry, desk.journalName, journal);
        }
        await registry.put(name, await manifest(name, after));
      });
    }
  } catch (error) {
    throw await rollBack(desk, journal, error, signal.aborted);
  }
  await conclude(desk, journal);
}

/**
 * Reads all tags again. Registries compare nothing before they write: a push that slipped in between is noticed here at
 * the latest, by its journal in the place of ours.
 */
async function conclude(desk: PublishContext, journal: Journal): Promise<void> {
  let [wrong, isOurs]: [string[], boolean] = [[], false];
  try {
    wrong = await mismatchedTags(desk.registry, journal.changes);
    isOurs = (await readJournal(desk.registry, desk.journalName))?.id === journal.id;
    if (isOurs) await finishJournal(desk, journal, 'published');
  } catch (error) {
    throw new TasksError(
      exitCodeOf(error),
      `${errorMessage(error)}\nall tags are set, but whether they still are, or the journal was closed, is not known`,
      { hint: 'push again, from any machine: that sees to both', cause: error },
    );
  }
  if (isOurs && wrong.length === 0) return;
  const what = isOurs ? 'somebody else moved tags' : 'another push published';
  const seen = wrong.length > 0 ? `: ${formatNames(wrong)}` : '';
  throw new TasksError(1, `${what} at the same time${seen}; tags may be of both`, {
    hint: 'push again, one at a time: that sets all of them',
  });
}

async function stopForAnother(desk: PublishContext): Promise<void> {
  const other = await readJournal(desk.registry, desk.journalName);
  if (other !== undefined)
    throw new TasksError(1, describeWork(other), {
      hint: 'push again when it is through: what was uploaded is kept',
    });
}

async function stopIfMoved({ registry }: PublishContext, changes: readonly TagChange[]): Promise<void> {
  const now = await queryDigests(
    registry,
    changes.map(({ name }) => name),
  );
  const moved = changes.filter(({ name, before, after }) => ![before, after].includes(now.get(name)));
  if (moved.length > 0)
    throw new TasksError(
      1,
      `somebody else moved tags since this push began: ${formatNames(moved.map(({ name }) => name))}`,
      { hint: 'see what they point at now, and push again' },
    );
}
