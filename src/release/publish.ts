import { TasksError } from '../model/errors.ts';
import { undone, untouched, withdraw } from './back.ts';
import { close, type Desk, exitCodeOf, list, messageOf, pointElsewhere, stopUnlessOurs } from './desk.ts';
import { type Change, type Journal, openJournal, readJournal, workOf } from './journal.ts';
import { each, inOrder, manifestReader, pointedAt } from './tags.ts';

/**
 * How old the last beat may be when a tag is set, milliseconds. Others count a journal as dead that is still for 30 seconds:
 * this, and the longest that one request of the desk's registry takes, must be less.
 */
export const beatMs = 3_000;

/**
 * Sets all tags, or none: the journal first, then new tags, then those that move, then aliases; a failure or an interrupt
 * puts all of them back. Whatever happens to this process, the next push ends what the journal says.
 * `changes`: of images whose manifests are in their repositories.
 * @throws TasksError that says how the tags stand now
 */
export async function publish(desk: Desk, changes: readonly Change[], signal: AbortSignal): Promise<void> {
  if (changes.length === 0) return;
  const { registry, clock } = desk;
  const manifest = manifestReader(registry);
  try {
    // Everything is there, before anything is touched.
    await each(changes, async ({ name, after }) => void (await manifest(name, after)));
    await stopForAnother(desk);
    signal.throwIfAborted();
  } catch (error) {
    throw untouched(error, signal);
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
    await openJournal(registry, desk.journal, journal);
    await stopIfMoved(desk, changes);
    await stopUnlessOurs(desk, journal);
  } catch (error) {
    await withdraw(desk, journal, error);
    throw untouched(error, signal);
  }
  let lastBeat = clock.now().getTime();
  try {
    for (const group of inOrder(changes)) {
      await each(group, async ({ name, after }) => {
        signal.throwIfAborted();
        if (clock.now().getTime() - lastBeat > beatMs) {
          lastBeat = clock.now().getTime();
          journal = { ...journal, beat: journal.beat + 1 };
          await openJournal(registry, desk.journal, journal);
        }
        await registry.put(name, await manifest(name, after));
      });
    }
  } catch (error) {
    throw await undone(desk, journal, error, signal.aborted);
  }
  await conclude(desk, journal);
}

/**
 * Reads all tags again. Registries compare nothing before they write: a push that slipped in between is noticed here at
 * the latest, by its journal in the place of ours.
 */
async function conclude(desk: Desk, journal: Journal): Promise<void> {
  let [wrong, isOurs]: [string[], boolean] = [[], false];
  try {
    wrong = await pointElsewhere(desk.registry, journal.changes);
    isOurs = (await readJournal(desk.registry, desk.journal))?.id === journal.id;
    if (isOurs) await close(desk, journal, 'published');
  } catch (error) {
    throw new TasksError(
      exitCodeOf(error),
      `${messageOf(error)}\nall tags are set, but whether they still are, or the journal was closed, is not known`,
      { hint: 'push again, from any machine: that sees to both', cause: error },
    );
  }
  if (isOurs && wrong.length === 0) return;
  const what = isOurs ? 'somebody else moved tags' : 'another push published';
  const seen = wrong.length > 0 ? `: ${list(wrong)}` : '';
  throw new TasksError(1, `${what} at the same time${seen}; tags may be of both`, {
    hint: 'push again, one at a time: that sets all of them',
  });
}

async function stopForAnother(desk: Desk): Promise<void> {
  const other = await readJournal(desk.registry, desk.journal);
  if (other !== undefined)
    throw new TasksError(1, workOf(other), {
      hint: 'push again when it is through: what was uploaded is kept',
    });
}

async function stopIfMoved({ registry }: Desk, changes: readonly Change[]): Promise<void> {
  const now = await pointedAt(
    registry,
    changes.map(({ name }) => name),
  );
  const moved = changes.filter(({ name, before, after }) => ![before, after].includes(now.get(name)));
  if (moved.length > 0)
    throw new TasksError(
      1,
      `somebody else moved tags since this push began: ${list(moved.map(({ name }) => name))}`,
      { hint: 'see what they point at now, and push again' },
    );
}
