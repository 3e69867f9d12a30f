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

/** Takes back a journal of which nothing was done. One that is not ours stays. */
export async function discardJournal(desk: PublishContext, journal: Journal, cause: unknown): Promise<void> {
  try {
    const found = await readJournal(desk.registry, desk.journalName);
    if (found?.id === journal.id) await finishJournal(desk, journal, 'withdrawn');
  } catch (error) {
    throw new TasksError(
      exitCodeOf(cause),
      `${errorMessage(cause)}\nno tag was changed; what was to be published may still lie in ${desk.journalName} (${errorMessage(error)})`,
      { hint: 'the next push ends it, from any machine', cause },
    );
  }
}

/** Puts everything back after a failure, and says how that went. */
export async function rollBack(
  desk: PublishContext,
  journal: Journal,
  cause: unknown,
  isInterrupt: boolean,
): Promise<TasksError> {
  const what = isInterrupt ? 'interrupted' : errorMessage(cause);
  const exitCode = isInterrupt ? 130 : exitCodeOf(cause);
  try {
    await checkJournalIsOurs(desk, journal);
    const back: Journal = { ...journal, direction: 'back', beat: journal.beat + 1 };
    await writeJournal(desk.registry, desk.journalName, back);
    const { refused, lost, foreign } = await restoreTags(desk.registry, journal.changes);
    const note =
      foreign.length === 0 ? '' : `\nsomebody else moved ${formatNames(foreign)}: left as they are`;
    if (refused.length === 0 && lost.length === 0) {
      await finishJournal(desk, journal, 'reverted');
      return new TasksError(exitCode, `${what}\nnothing is published: the tags are as they were${note}`, {
        cause,
      });
    }
    // Nobody could put these back; the next push makes the release whole instead.
    await writeJournal(desk.registry, desk.journalName, {
      ...back,
      direction: 'forward',
      beat: back.beat + 1,
    });
    return new TasksError(
      exitCode,
      `${what}\nthe tags that moved are back, but ${formatStuckTags({ refused, lost })}${note}`,
      { hint: 'the next push ends this release first, from any machine', cause },
    );
  } catch (error) {
    return new TasksError(
      exitCode,
      `${what}\nthe tags could not be put back (${errorMessage(error)}): some may be new, some old`,
      { hint: `push again, from any machine: what is written in ${desk.journalName} is ended first`, cause },
    );
  }
}

/**
 * Puts tags back to what they pointed at before, the last ones first, and takes new ones away. A tag that somebody else
 * moved since is left alone.
 */
export async function restoreTags(
  registry: Registry,
  changes: readonly TagChange[],
): Promise<StuckTags & { readonly foreign: readonly string[] }> {
  const manifest = manifestReader(registry);
  const [refused, lost, foreign]: [string[], string[], string[]] = [[], [], []];
  for (const group of inPublishOrder(changes).reverse()) {
    await forEachLimit(group, async ({ name, before, after }) => {
      const now = await registry.head(name);
      if (now === before) return;
      if (now !== after) foreign.push(name);
      else if (before !== undefined) {
        const old = await unlessMissing(manifest(name, before));
        if (old === undefined) lost.push(name);
        else await registry.put(name, old);
      } else if ((await registry.untag(name)) === 'refused') refused.push(name);
    });
  }
  return { refused, lost, foreign };
}

/** Tags that cannot be put back. */
export interface StuckTags {
  /** New tags that the registry does not delete. */
  readonly refused: readonly string[];
  /** Tags whose previous image is no longer in the registry. */
  readonly lost: readonly string[];
}

export function formatStuckTags({ refused, lost }: StuckTags): string {
  return [
    ...(refused.length > 0 ? [`this registry deletes nothing: ${formatNames(refused)} stay new`] : []),
    ...(lost.length > 0 ? [`the previous image of ${formatNames(lost)} is no longer in the registry`] : []),
  ].join(', and ');
}

async function unlessMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RegistryError && error.problem === 'missing') return undefined;
    throw error;
  }
}

/** The failure of a push that has set no tag, which it says. */
export function nothingPublished(error: unknown, { aborted }: AbortSignal): TasksError {
  const known = error instanceof TasksError ? error : undefined;
  const what = aborted && known === undefined ? 'interrupted' : errorMessage(error);
  const { hint } = known ?? {};
  return new TasksError(aborted ? 130 : exitCodeOf(error), `${what}\nnothing is published: no tag was set`, {
    ...(hint !== undefined ? { hint } : {}),
    cause: error,
  });
}
