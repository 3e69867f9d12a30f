import { TasksError } from '../model/errors.ts';
import { type Registry, RegistryError } from '../model/registry.ts';
import { type Journal, readJournal, type TagChange, writeJournal } from './journal.ts';
import {
  checkJournalIsOurs,
  errorMessage,
  exitCodeOf,
  finishJournal,
  formatNames,
  type PublishContext,
} from './publish-context.ts';
import { forEachLimit, inPublishOrder, manifestReader } from './tags.ts';

/** Closes a journal that no tag was changed for. Leaves another push's journal alone. */
export async function discardJournal(
  context: PublishContext,
  journal: Journal,
  cause: unknown,
): Promise<void> {
  try {
    const found = await readJournal(context.registry, context.journalName);
    if (found?.id === journal.id) await finishJournal(context, journal, 'withdrawn');
  } catch (error) {
    throw new TasksError(
      exitCodeOf(cause),
      `${errorMessage(cause)}\nno tag was changed, but the journal ${context.journalName} may still be open (${errorMessage(error)})`,
      { hint: 'the next push, from any machine, closes it', cause },
    );
  }
}

/** Rolls back all tags after a failure. Returns the error to throw, which says what state the tags are in. */
export async function rollBack(
  context: PublishContext,
  journal: Journal,
  cause: unknown,
  isInterrupt: boolean,
): Promise<TasksError> {
  const what = isInterrupt ? 'interrupted' : errorMessage(cause);
  const exitCode = isInterrupt ? 130 : exitCodeOf(cause);
  try {
    await checkJournalIsOurs(context, journal);
    const back: Journal = { ...journal, direction: 'back', beat: journal.beat + 1 };
    await writeJournal(context.registry, context.journalName, back);
    const { undeletable, imageMissing, movedByOthers } = await restoreTags(context.registry, journal.changes);
    const note =
      movedByOthers.length === 0
        ? ''
        : `\ntags moved by another client were left unchanged: ${formatNames(movedByOthers)}`;
    if (undeletable.length === 0 && imageMissing.length === 0) {
      await finishJournal(context, journal, 'reverted');
      return new TasksError(exitCode, `${what}\nnothing is published: the tags were rolled back${note}`, {
        cause,
      });
    }
    // A second rollback would fail in the same way, so the next push completes the release instead.
    await writeJournal(context.registry, context.journalName, {
      ...back,
      direction: 'forward',
      beat: back.beat + 1,
    });
    return new TasksError(
      exitCode,
      `${what}\nthe other tags were rolled back, but ${formatStuckTags({ undeletable, imageMissing })}${note}`,
      { hint: 'the next push, from any machine, completes this release first', cause },
    );
  } catch (error) {
    return new TasksError(
      exitCode,
      `${what}\nthe tags could not be rolled back (${errorMessage(error)}): some may be new, some old`,
      { hint: `push again, from any machine: it recovers from ${context.journalName} first`, cause },
    );
  }
}

/**
 * Points tags to their previous images and deletes new tags, in the reverse of the publish order. Leaves a tag alone if
 * another client has moved it since.
 */
export async function restoreTags(
  registry: Registry,
  changes: readonly TagChange[],
): Promise<StuckTags & { readonly movedByOthers: readonly string[] }> {
  const manifest = manifestReader(registry);
  const [undeletable, imageMissing, movedByOthers]: [string[], string[], string[]] = [[], [], []];
  for (const group of inPublishOrder(changes).reverse()) {
    await forEachLimit(group, async ({ name, before, after }) => {
      const now = await registry.head(name);
      if (now === before) return;
      if (now !== after) movedByOthers.push(name);
      else if (before !== undefined) {
        const old = await undefinedIfMissing(manifest(name, before));
        if (old === undefined) imageMissing.push(name);
        else await registry.put(name, old);
      } else if ((await registry.untag(name)) === 'refused') undeletable.push(name);
    });
  }
  return { undeletable, imageMissing, movedByOthers };
}

/** Tags that cannot be rolled back. */
export interface StuckTags {
  /** New tags that the registry does not delete. */
  readonly undeletable: readonly string[];
  /** Tags whose previous image is no longer in the registry. */
  readonly imageMissing: readonly string[];
}

/** Returns the part of a message that says why tags cannot be rolled back. */
export function formatStuckTags({ undeletable, imageMissing }: StuckTags): string {
  return [
    ...(undeletable.length > 0
      ? [`the registry does not delete tags, so ${formatNames(undeletable)} remain`]
      : []),
    ...(imageMissing.length > 0
      ? [`the previous image of ${formatNames(imageMissing)} is no longer in the registry`]
      : []),
  ].join(', and ');
}

async function undefinedIfMissing<T>(query: Promise<T>): Promise<T | undefined> {
  try {
    return await query;
  } catch (error) {
    if (error instanceof RegistryError && error.problem === 'missing') return undefined;
    throw error;
  }
}

/** Returns the error of a push that failed before it set any tag. Its message says that nothing is published. */
export function nothingPublished(error: unknown, { aborted }: AbortSignal): TasksError {
  const known = error instanceof TasksError ? error : undefined;
  const what = aborted && known === undefined ? 'interrupted' : errorMessage(error);
  const { hint } = known ?? {};
  return new TasksError(
    aborted ? 130 : exitCodeOf(error),
    `${what}\nnothing is published: no tags were set`,
    {
      ...(hint !== undefined ? { hint } : {}),
      cause: error,
    },
  );
}
