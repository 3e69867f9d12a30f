import { TasksError } from '../model/errors.ts';
import { RegistryError } from '../model/registry.ts';
import { describeWork, type Journal, readJournal, type TagChange, writeJournal } from './journal.ts';
import {
  finishJournal,
  formatNames,
  mismatchedTags,
  type PublishContext,
  type TagOwnership,
} from './publish-context.ts';
import { formatStuckTags, restoreTags } from './rollback.ts';
import { forEachLimit, inPublishOrder, manifestReader, queryDigests } from './tags.ts';

/** How often another's journal is looked at, and how long it may stay unchanged. */
const lookMs = 2_000;
const patienceMs = 30_000;

/**
 * Ends the publication that the journal speaks of, if one lies there: makes it whole, or, where that cannot be done, puts
 * its tags back. One that is still under way elsewhere is waited for. `now`: without waiting, the caller knows it dead.
 * @throws TasksError where it can neither be ended nor waited for
 */
export async function recoverUnfinished(
  desk: PublishContext,
  now: boolean,
  signal: AbortSignal,
): Promise<TagChange[]> {
  const found = await readJournal(desk.registry, desk.journalName);
  if (found === undefined) return [];
  const journal = now ? found : await waitFor(desk, found, signal);
  if (journal === undefined) return [];
  const changes = ownChanges(desk, journal);
  const mine: Journal = { ...journal, changes, owner: desk.newOwner(), beat: journal.beat + 1 };
  await writeJournal(desk.registry, desk.journalName, mine);
  const outcome = await end(desk, mine);
  await finishJournal(desk, mine, outcome);
  if (journal.changes.length > 0 && changes.length === 0) return [];
  if (changes.length === 0) {
    desk.report(`a clean of ${mine.time} had stopped half way: what it left stays`);
    return [];
  }
  const tags = `${mine.changes.length} ${mine.changes.length === 1 ? 'tag' : 'tags'}`;
  desk.report(
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
function ownChanges(
  { ownershipOf, journalName, report }: PublishContext,
  { changes, time }: Journal,
): readonly TagChange[] {
  const of = (owner: TagOwnership): TagChange[] => changes.filter(({ name }) => ownershipOf(name) === owner);
  const [own, unknown, foreign] = [of('own'), of('undefined'), of('foreign')];
  if (unknown.length > 0)
    throw new TasksError(
      1,
      `the push of ${time} that stopped half way has tags of images that are not defined here: ${namesOf(unknown)}`,
      {
        hint: `run \`tasks push --resume\` where they are defined; if they are nobody's, remove the tag ${journalName}`,
      },
    );
  if (foreign.length > 0)
    report(`${journalName} names tags that are not this project's: left as they are: ${namesOf(foreign)}`);
  return own;
}

function namesOf(changes: readonly TagChange[]): string {
  return formatNames(changes.map(({ name }) => name));
}

/** The journal, once its process is dead; undefined: it ended well. */
async function waitFor(
  desk: PublishContext,
  found: Journal,
  signal: AbortSignal,
): Promise<Journal | undefined> {
  let journal: Journal | undefined = found;
  let seen = { beat: mark(found), at: desk.clock.now().getTime() };
  for (
    let told = false;
    journal !== undefined;
    journal = await readJournal(desk.registry, desk.journalName)
  ) {
    if (mark(journal) !== seen.beat) seen = { beat: mark(journal), at: desk.clock.now().getTime() };
    const isAlive = desk.isAlive(journal.owner);
    if (isAlive === false) return journal;
    if (desk.clock.now().getTime() - seen.at >= patienceMs) {
      if (isAlive !== true) return journal;
      throw new TasksError(1, `${describeWork(journal)}, on this machine`, {
        hint: 'wait for it, or end it; then push again',
      });
    }
    if (!told) desk.report(`${describeWork(journal)}: waiting for it`);
    told = true;
    await desk.clock.sleep(lookMs, signal);
  }
  return undefined;
}

function mark({ id, beat, direction }: Journal): string {
  return `${id} ${beat} ${direction}`;
}

async function end(desk: PublishContext, journal: Journal): Promise<'published' | 'reverted'> {
  if (journal.direction === 'forward') {
    const failure = await goForward(desk, journal).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    if (failure === undefined) return 'published';
    if (failure.error instanceof RegistryError && failure.error.problem === 'unreachable')
      throw failure.error;
    desk.report(`the push of ${journal.time} cannot be made whole: ${(failure.error as Error).message}`);
    await writeJournal(desk.registry, desk.journalName, {
      ...journal,
      direction: 'back',
      beat: journal.beat + 1,
    });
  }
  const { refused, lost, foreign } = await restoreTags(desk.registry, journal.changes);
  if (foreign.length > 0) desk.report(`somebody else moved ${formatNames(foreign)} since: left as they are`);
  if (refused.length > 0 || lost.length > 0)
    throw new TasksError(
      1,
      `the push of ${journal.time} can be neither completed nor rolled back: ${formatStuckTags({ refused, lost })}`,
      {
        hint: `allow deletes in the registry, or remove these tags by hand; then push again`,
      },
    );
  return 'reverted';
}

async function goForward(desk: PublishContext, { changes }: Journal): Promise<void> {
  const { registry } = desk;
  const manifest = manifestReader(registry);
  const now = await queryDigests(
    registry,
    changes.map(({ name }) => name),
  );
  const foreign = changes.filter(({ name, before, after }) => ![before, after].includes(now.get(name)));
  if (foreign.length > 0)
    desk.report(
      `somebody else moved ${formatNames(foreign.map(({ name }) => name))} since: left as they are`,
    );
  const open = changes.filter((change) => !foreign.includes(change) && now.get(change.name) !== change.after);
  await forEachLimit(open, async ({ name, after }) => void (await manifest(name, after)));
  for (const group of inPublishOrder(open))
    await forEachLimit(group, async ({ name, after }) => registry.put(name, await manifest(name, after)));
  const wrong = await mismatchedTags(
    registry,
    changes.filter((change) => !foreign.includes(change)),
  );
  if (wrong.length > 0) throw new TasksError(1, `somebody else moves ${formatNames(wrong)} at the same time`);
}
