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

/** How often to read another push's journal. */
const pollMs = 2_000;
/** A push whose journal stays unchanged for this long counts as dead. */
const deadAfterMs = 30_000;

/**
 * Completes the publication in an open journal, or rolls it back if it cannot be completed. Waits while another process is
 * still working on it. `now`: true to not wait, because the caller knows that the process is dead. Returns the tags of the
 * recovered publication, none if no journal is open.
 * @throws TasksError if it can neither be completed nor rolled back, or if it is still in progress
 */
export async function recoverUnfinished(
  context: PublishContext,
  now: boolean,
  signal: AbortSignal,
): Promise<TagChange[]> {
  const found = await readJournal(context.registry, context.journalName);
  if (found === undefined) return [];
  const journal = now ? found : await waitUntilDead(context, found, signal);
  if (journal === undefined) return [];
  const changes = ownChanges(context, journal);
  const mine: Journal = { ...journal, changes, owner: context.newOwner(), beat: journal.beat + 1 };
  await writeJournal(context.registry, context.journalName, mine);
  const outcome = await completeOrRollBack(context, mine);
  await finishJournal(context, mine, outcome);
  if (journal.changes.length > 0 && changes.length === 0) return [];
  if (changes.length === 0) {
    context.report(`closed the journal of an unfinished clean of ${mine.time}; it deleted only some tags`);
    return [];
  }
  const tags = `${mine.changes.length} ${mine.changes.length === 1 ? 'tag' : 'tags'}`;
  context.report(
    outcome === 'published'
      ? `completed the unfinished push of ${mine.time}: ${tags} set`
      : `rolled back the unfinished push of ${mine.time}: ${tags} restored`,
  );
  return [...mine.changes];
}

/**
 * Returns the changes of a journal that this project may make. Anyone who can push to the registry could have written the
 * journal, so it may name any tag. A tag below our repository, of an image that is not defined here, may belong to another
 * project's unfinished release, which only that project can complete.
 * @throws TasksError exit 1 if the journal has such a tag
 */
function ownChanges(
  { ownershipOf, journalName, report }: PublishContext,
  { changes, time }: Journal,
): readonly TagChange[] {
  const of = (ownership: TagOwnership): TagChange[] =>
    changes.filter(({ name }) => ownershipOf(name) === ownership);
  const [own, unknown, foreign] = [of('own'), of('unknown'), of('foreign')];
  if (unknown.length > 0)
    throw new TasksError(
      1,
      `the unfinished push of ${time} has tags of images that are not defined here: ${namesOf(unknown)}`,
      {
        hint: `run \`tasks push --resume\` in the project that defines them; if no project does, delete the tag ${journalName}`,
      },
    );
  if (foreign.length > 0)
    report(
      `${journalName} lists tags that this project does not own; leaving them alone: ${namesOf(foreign)}`,
    );
  return own;
}

function namesOf(changes: readonly TagChange[]): string {
  return formatNames(changes.map(({ name }) => name));
}

/** Returns the journal once its process is dead; undefined if the process finished and closed it. */
async function waitUntilDead(
  context: PublishContext,
  found: Journal,
  signal: AbortSignal,
): Promise<Journal | undefined> {
  let journal: Journal | undefined = found;
  let last = { state: stateOf(found), at: context.clock.now().getTime() };
  for (
    let isReported = false;
    journal !== undefined;
    journal = await readJournal(context.registry, context.journalName)
  ) {
    if (stateOf(journal) !== last.state)
      last = { state: stateOf(journal), at: context.clock.now().getTime() };
    const isAlive = context.isAlive(journal.owner);
    if (isAlive === false) return journal;
    if (context.clock.now().getTime() - last.at >= deadAfterMs) {
      if (isAlive !== true) return journal;
      throw new TasksError(1, `${describeWork(journal)}, on this machine`, {
        hint: 'wait for it to finish or stop it, then push again',
      });
    }
    if (!isReported) context.report(`${describeWork(journal)}; waiting for it to finish`);
    isReported = true;
    await context.clock.sleep(pollMs, signal);
  }
  return undefined;
}

/** Changes with every heartbeat. */
function stateOf({ id, beat, direction }: Journal): string {
  return `${id} ${beat} ${direction}`;
}

async function completeOrRollBack(
  context: PublishContext,
  journal: Journal,
): Promise<'published' | 'reverted'> {
  if (journal.direction === 'forward') {
    const failure = await complete(context, journal).then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    if (failure === undefined) return 'published';
    if (failure.error instanceof RegistryError && failure.error.problem === 'unreachable')
      throw failure.error;
    context.report(
      `the unfinished push of ${journal.time} cannot be completed: ${(failure.error as Error).message}`,
    );
    await writeJournal(context.registry, context.journalName, {
      ...journal,
      direction: 'back',
      beat: journal.beat + 1,
    });
  }
  const { movedByOthers, ...stuck } = await restoreTags(context.registry, journal.changes);
  reportMoved(context, movedByOthers);
  if (stuck.undeletable.length > 0 || stuck.imageMissing.length > 0)
    throw new TasksError(
      1,
      `the unfinished push of ${journal.time} can be neither completed nor rolled back: ${formatStuckTags(stuck)}`,
      { hint: 'allow deletes in the registry or delete these tags by hand, then push again' },
    );
  return 'reverted';
}

function reportMoved({ report }: PublishContext, names: readonly string[]): void {
  if (names.length > 0) report(`tags moved by another client were left unchanged: ${formatNames(names)}`);
}

/** Sets all tags of a journal, but for those that another client has moved since. */
async function complete(context: PublishContext, { changes }: Journal): Promise<void> {
  const { registry } = context;
  const manifest = manifestReader(registry);
  const now = await queryDigests(
    registry,
    changes.map(({ name }) => name),
  );
  const moved = changes.filter(({ name, before, after }) => ![before, after].includes(now.get(name)));
  reportMoved(
    context,
    moved.map(({ name }) => name),
  );
  const pending = changes.filter(
    (change) => !moved.includes(change) && now.get(change.name) !== change.after,
  );
  await forEachLimit(pending, async ({ name, after }) => void (await manifest(name, after)));
  for (const group of inPublishOrder(pending))
    await forEachLimit(group, async ({ name, after }) => registry.put(name, await manifest(name, after)));
  const wrong = await mismatchedTags(
    registry,
    changes.filter((change) => !moved.includes(change)),
  );
  if (wrong.length > 0)
    throw new TasksError(1, `another client moved tags at the same time: ${formatNames(wrong)}`);
}
