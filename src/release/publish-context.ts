import { isDerivedTag } from '../model/derived-tags.ts';
import { type ExitCode, TasksError } from '../model/errors.ts';
import type { Clock } from '../model/ports.ts';
import type { Registry } from '../model/registry.ts';
import { repositoryOf } from '../plan/refs.ts';
import { type ClosedJournal, closeJournal, type Journal, readJournal, type TagChange } from './journal.ts';
import { queryDigests } from './tags.ts';

/**
 * `own`: a tag of an image that this project defines. `unknown`: a tag below the project's repository, but of an image that it
 * does not define. `foreign`: any other tag, content tags included.
 */
export type TagOwnership = 'own' | 'unknown' | 'foreign';

/** Returns a function that classifies tags for a project which publishes images with these names below `repo`. */
export function tagOwnershipIn(repo: string, names: ReadonlySet<string>): (name: string) => TagOwnership {
  return (name) => {
    const repository = repositoryOf(name);
    if (!repository.startsWith(`${repo}/`) || isDerivedTag(name.slice(repository.length + 1)))
      return 'foreign';
    return names.has(repository.slice(repo.length + 1)) ? 'own' : 'unknown';
  };
}

/** What publishing needs: the registry, the journal, and the identity of this process. */
export interface PublishContext {
  /**
   * Ignores interrupts, so that a publication in progress is completed or rolled back. Its requests time out before another
   * push takes this process for dead.
   */
  readonly registry: Registry;
  readonly clock: Clock;
  /** The full name of the journal's tag. */
  readonly journalName: string;
  /** Classifies a tag. Only `own` tags are set, moved or deleted. */
  ownershipOf(name: string): TagOwnership;
  /** Returns a new id for a publication by this process. */
  newOwner(): { readonly id: string };
  /** Returns whether the owner's process is running; undefined if this machine cannot tell. */
  isAlive(owner: unknown): boolean | undefined;
  /** Shows the user one line of progress. */
  report(text: string): void;
}

/** Closes a journal with its outcome. */
export async function finishJournal(
  context: PublishContext,
  { id }: Journal,
  outcome: ClosedJournal['outcome'],
): Promise<void> {
  await closeJournal(context.registry, context.journalName, {
    id,
    time: context.clock.now().toISOString(),
    outcome,
  });
}

/** Checks that the journal in the registry is still this one. @throws TasksError exit 1 if another push replaced it */
export async function checkJournalIsOurs(context: PublishContext, journal: Journal): Promise<void> {
  const found = await readJournal(context.registry, context.journalName);
  if (found?.id !== journal.id)
    throw new TasksError(1, 'another push started to publish at the same time', {
      hint: 'push again when it finishes; uploaded images are kept',
    });
}

/** Returns the names of the tags that do not point to their new digest. */
export async function mismatchedTags(registry: Registry, changes: readonly TagChange[]): Promise<string[]> {
  const now = await queryDigests(
    registry,
    changes.map(({ name }) => name),
  );
  return changes.filter(({ name, after }) => now.get(name) !== after).map(({ name }) => name);
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof TasksError ? error.exitCode : 1;
}

/** Joins names with commas; lists at most five, and counts the rest. */
export function formatNames(names: readonly string[]): string {
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  return `${names.slice(0, 5).join(', ')}${more}`;
}
