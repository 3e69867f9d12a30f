import { TasksError } from '../model/errors.ts';
import { RegistryError } from '../model/registry.ts';
import { putBack, stuckText } from './back.ts';
import { close, type Desk, list, pointElsewhere, type TagOwner } from './desk.ts';
import { type Change, type Journal, openJournal, readJournal, workOf } from './journal.ts';
import { each, inOrder, manifestReader, pointedAt } from './tags.ts';

/** How often another's journal is looked at, and how long it may stay unchanged. */
const lookMs = 2_000;
const patienceMs = 30_000;

/**
 * Ends the publication that the journal speaks of, if one lies there: makes it whole, or, where that cannot be done, puts
 * its tags back. One that is still under way elsewhere is waited for. `now`: without waiting, the caller knows it dead.
 * @throws TasksError where it can neither be ended nor waited for
 */
export async function endUnfinished(desk: Desk, now: boolean, signal: AbortSignal): Promise<Change[]> {
  const found = await readJournal(desk.registry, desk.journal);
  if (found === undefined) return [];
  const journal = now ? found : await waitFor(desk, found, signal);
  if (journal === undefined) return [];
  const changes = ownChanges(desk, journal);
  const mine: Journal = { ...journal, changes, owner: desk.newOwner(), beat: journal.beat + 1 };
  await openJournal(desk.registry, desk.journal, mine);
  const outcome = await end(desk, mine);
  await close(desk, mine, outcome);
  if (journal.changes.length > 0 && changes.length === 0) return [];
  if (changes.length === 0) {
    desk.tell(`a clean of ${mine.time} had stopped half way: what it left stays`);
    return [];
  }
  const tags = `${mine.changes.length} ${mine.changes.length === 1 ? 'tag' : 'tags'}`;
  desk.tell(
    outcome === 'published'
      ? `ended the push of ${mine.time} that had stopped half way: ${tags} set`
      : `took back the push of ${mine.time} that had stopped half way: ${tags} as before`,
  );
  return [...mine.changes];
}

/**
 * The changes of a journal that are ours to make: anybody who may write to it could name any tag. What is below our repository
 * and of no image that the definitions have may be another project's half release, which is its own to end.
 * @throws TasksError where there is any such
 */
function ownChanges({ ownerOf, journal, tell }: Desk, { changes, time }: Journal): readonly Change[] {
  const of = (owner: TagOwner): Change[] => changes.filter(({ name }) => ownerOf(name) === owner);
  const [own, unknown, foreign] = [of('own'), of('undefined'), of('foreign')];
  if (unknown.length > 0)
    throw new TasksError(
      1,
      `the push of ${time} that stopped half way has tags of images that are not defined here: ${namesOf(unknown)}`,
      {
        hint: `run \`tasks push --resume\` where they are defined; if they are nobody's, remove the tag ${journal}`,
      },
    );
  if (foreign.length > 0)
    tell(`${journal} names tags that are not this project's: left as they are: ${namesOf(foreign)}`);
  return own;
}

function namesOf(changes: readonly Change[]): string {
  return list(changes.map(({ name }) => name));
}

/** The journal, once its process is dead; undefined: it ended well. */
async function waitFor(desk: Desk, found: Journal, signal: AbortSignal): Promise<Journal | undefined> {
  let journal: Journal | undefined = found;
  let seen = { beat: mark(found), at: desk.clock.now().getTime() };
  for (let told = false; journal !== undefined; journal = await readJournal(desk.registry, desk.journal)) {
    if (mark(journal) !== seen.beat) seen = { beat: mark(journal), at: desk.clock.now().getTime() };
    const isAlive = desk.isAlive(journal.owner);
    if (isAlive === false) return journal;
    if (desk.clock.now().getTime() - seen.at >= patienceMs) {
      if (isAlive !== true) return journal;
      throw new TasksError(1, `${workOf(journal)}, on this machine`, {
        hint: 'wait for it, or end it; then push again',
      });
    }
    if (!told) desk.tell(`${workOf(journal)}: waiting for it`);
    told = true;
    await desk.clock.sleep(lookMs, signal);
  }
  return undefined;
}

function mark({ id, beat, direction }: Journal): string {
  return `${id} ${beat} ${direction}`;
}

async function end(desk: Desk, journal: Journal): Promise<'published' | 'reverted'> {
  if (journal.direction === 'forward') {
    const failure = await goForward(desk, journal).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    if (failure === undefined) return 'published';
    if (failure.error instanceof RegistryError && failure.error.problem === 'unreachable')
      throw failure.error;
    desk.tell(`the push of ${journal.time} cannot be made whole: ${(failure.error as Error).message}`);
    await openJournal(desk.registry, desk.journal, { ...journal, direction: 'back', beat: journal.beat + 1 });
  }
  const { refused, lost, foreign } = await putBack(desk.registry, journal.changes);
  if (foreign.length > 0) desk.tell(`somebody else moved ${list(foreign)} since: left as they are`);
  if (refused.length > 0 || lost.length > 0)
    throw new TasksError(
      1,
      `the push of ${journal.time} can be neither completed nor rolled back: ${stuckText({ refused, lost })}`,
      {
        hint: `allow deletes in the registry, or remove these tags by hand; then push again`,
      },
    );
  return 'reverted';
}

async function goForward(desk: Desk, { changes }: Journal): Promise<void> {
  const { registry } = desk;
  const manifest = manifestReader(registry);
  const now = await pointedAt(
    registry,
    changes.map(({ name }) => name),
  );
  const foreign = changes.filter(({ name, before, after }) => ![before, after].includes(now.get(name)));
  if (foreign.length > 0)
    desk.tell(`somebody else moved ${list(foreign.map(({ name }) => name))} since: left as they are`);
  const open = changes.filter((change) => !foreign.includes(change) && now.get(change.name) !== change.after);
  await each(open, async ({ name, after }) => void (await manifest(name, after)));
  for (const group of inOrder(open))
    await each(group, async ({ name, after }) => registry.put(name, await manifest(name, after)));
  const wrong = await pointElsewhere(
    registry,
    changes.filter((change) => !foreign.includes(change)),
  );
  if (wrong.length > 0) throw new TasksError(1, `somebody else moves ${list(wrong)} at the same time`);
}
