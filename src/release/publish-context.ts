import { isDerivedTag } from '../model/derived-tags.ts';
import { type ExitCode, TasksError } from '../model/errors.ts';
import type { Clock } from '../model/ports.ts';
import type { Registry } from '../model/registry.ts';
import { repositoryOf } from '../plan/refs.ts';
import { type ClosedJournal, closeJournal, type Journal, readJournal, type TagChange } from './journal.ts';
import { queryDigests } from './tags.ts';

/** `own`: of an image that the definitions have. `undefined`: below the same repository, of no such image. */
export type TagOwnership = 'own' | 'undefined' | 'foreign';

/** Tells whose tags are, of a project that publishes images of these names to a repository. */
export function tagOwnershipIn(repo: string, names: ReadonlySet<string>): (name: string) => TagOwnership {
  return (name) => {
    const repository = repositoryOf(name);
    if (!repository.startsWith(`${repo}/`) || isDerivedTag(name.slice(repository.length + 1)))
      return 'foreign';
    return names.has(repository.slice(repo.length + 1)) ? 'own' : 'undefined';
  };
}

/** Where a publication happens, and who does it. */
export interface PublishContext {
  /** Goes on after an interrupt: what was begun is ended. Gives up on a request before others take its silence for death. */
  readonly registry: Registry;
  readonly clock: Clock;
  /** The journal's name. */
  readonly journalName: string;
  /** Whose tag it is: only `own` ones are ever set, moved or taken away. */
  ownershipOf(name: string): TagOwnership;
  /** A new publication by this process. */
  newOwner(): { readonly id: string };
  /** Undefined: it cannot be told from this machine. */
  isAlive(owner: unknown): boolean | undefined;
  /** Tells a person what is being done, a line at a time. */
  report(text: string): void;
}

export async function finishJournal(
  desk: PublishContext,
  { id }: Journal,
  outcome: ClosedJournal['outcome'],
): Promise<void> {
  await closeJournal(desk.registry, desk.journalName, { id, time: desk.clock.now().toISOString(), outcome });
}

export async function checkJournalIsOurs(desk: PublishContext, journal: Journal): Promise<void> {
  const found = await readJournal(desk.registry, desk.journalName);
  if (found?.id !== journal.id)
    throw new TasksError(1, 'another push begins to publish at the same moment', {
      hint: 'push again when it is through: what was uploaded is kept',
    });
}

/** The names that don't point where they should. */
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

/** A few of many names. */
export function formatNames(names: readonly string[]): string {
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  return `${names.slice(0, 5).join(', ')}${more}`;
}
