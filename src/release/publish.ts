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
 * The journal is rewritten before a tag is set if the last heartbeat is older than this, in milliseconds. Another push takes a
 * journal that is unchanged for 30 seconds for dead; this plus the longest request of the context's registry must be less.
 */
export const heartbeatMs = 3_000;

/**
 * Sets all tags or none. Writes the journal first, then sets new tags, then moves existing ones, then aliases. Rolls all of
 * them back after a failure or an interrupt. If this process is killed, the next push recovers from the journal.
 * `changes`: the tags to set; the manifests must already be in their repositories.
 * @throws TasksError whose message says what state the tags are in
 */
export async function publish(
  context: PublishContext,
  changes: readonly TagChange[],
  signal: AbortSignal,
): Promise<void> {
  if (changes.length === 0) return;
  const { registry, clock } = context;
  const manifest = manifestReader(registry);
  try {
    // Check that all manifests exist before any tag changes.
    await forEachLimit(changes, async ({ name, after }) => void (await manifest(name, after)));
    await checkNoOpenJournal(context);
    signal.throwIfAborted();
  } catch (error) {
    throw nothingPublished(error, signal);
  }
  const owner = context.newOwner();
  let journal: Journal = {
    id: owner.id,
    owner,
    time: clock.now().toISOString(),
    beat: 0,
    direction: 'forward',
    changes,
  };
  try {
    await writeJournal(registry, context.journalName, journal);
    await checkNotMoved(context, changes);
    await checkJournalIsOurs(context, journal);
  } catch (error) {
    await discardJournal(context, journal, error);
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
          await writeJournal(registry, context.journalName, journal);
        }
        await registry.put(name, await manifest(name, after));
      });
    }
  } catch (error) {
    throw await rollBack(context, journal, error, signal.aborted);
  }
  await verifyAndClose(context, journal);
}

/**
 * Reads all tags again and closes the journal. Registries have no compare-and-set, so two pushes can overlap; at the latest,
 * the overlap shows here, because the other push's journal has replaced ours.
 */
async function verifyAndClose(context: PublishContext, journal: Journal): Promise<void> {
  let [wrong, isOurs]: [string[], boolean] = [[], false];
  try {
    wrong = await mismatchedTags(context.registry, journal.changes);
    isOurs = (await readJournal(context.registry, context.journalName))?.id === journal.id;
    if (isOurs) await finishJournal(context, journal, 'published');
  } catch (error) {
    throw new TasksError(
      exitCodeOf(error),
      `${errorMessage(error)}\nall tags were set, but not verified: they may have moved since, and the journal may be open`,
      { hint: 'push again, from any machine, to fix both', cause: error },
    );
  }
  if (isOurs && wrong.length === 0) return;
  const what = isOurs ? 'another client moved tags' : 'another push published';
  const names = wrong.length > 0 ? `: ${formatNames(wrong)}` : '';
  throw new TasksError(1, `${what} at the same time${names}; the tags may be a mix of both`, {
    hint: 'push again, one push at a time, to set all of them',
  });
}

async function checkNoOpenJournal(context: PublishContext): Promise<void> {
  const other = await readJournal(context.registry, context.journalName);
  if (other !== undefined)
    throw new TasksError(1, describeWork(other), {
      hint: 'push again when it finishes; uploaded images are kept',
    });
}

async function checkNotMoved({ registry }: PublishContext, changes: readonly TagChange[]): Promise<void> {
  const now = await queryDigests(
    registry,
    changes.map(({ name }) => name),
  );
  const moved = changes.filter(({ name, before, after }) => ![before, after].includes(now.get(name)));
  if (moved.length > 0)
    throw new TasksError(
      1,
      `another client moved tags since this push started: ${formatNames(moved.map(({ name }) => name))}`,
      { hint: 'check what they point to now, then push again' },
    );
}
