import { type ExitCode, TasksError } from '../model/errors.ts';
import type { Clock } from '../model/ports.ts';
import type { Registry } from '../model/registry.ts';
import {
  type Change,
  closeJournal,
  type Ended,
  type Journal,
  openJournal,
  readJournal,
  workOf,
} from './journal.ts';
import { each, inOrder, manifestReader, pointedAt } from './tags.ts';

/** Where a publication happens, and who does it. */
export interface Desk {
  /** Goes on after an interrupt: what was begun is ended. Gives up on a request before others take its silence for death. */
  readonly registry: Registry;
  readonly clock: Clock;
  /** The journal's name. */
  readonly journal: string;
  /** A new publication by this process. */
  newOwner(): { readonly id: string };
  /** Undefined: it cannot be told from this machine. */
  isAlive(owner: unknown): boolean | undefined;
  /** Tells a person what is being done, a line at a time. */
  tell(text: string): void;
}

/** How long a journal may go without a beat before others count its process as dead; they watch for three times as long. */
export const beatMs = 10_000;

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

async function stopUnlessOurs(desk: Desk, journal: Journal): Promise<void> {
  const found = await readJournal(desk.registry, desk.journal);
  if (found?.id !== journal.id)
    throw new TasksError(1, 'another push begins to publish at the same moment', {
      hint: 'push again when it is through: what was uploaded is kept',
    });
}

/** Takes back a journal of which nothing was done. One that is not ours stays. */
async function withdraw(desk: Desk, journal: Journal, cause: unknown): Promise<void> {
  try {
    const found = await readJournal(desk.registry, desk.journal);
    if (found?.id === journal.id) await close(desk, journal, 'withdrawn');
  } catch (error) {
    throw new TasksError(
      exitCodeOf(cause),
      `${messageOf(cause)}\nno tag was changed; what was to be published may still lie in ${desk.journal} (${messageOf(error)})`,
      { hint: 'the next push ends it, from any machine', cause },
    );
  }
}

/** Puts everything back after a failure, and says how that went. */
async function undone(
  desk: Desk,
  journal: Journal,
  cause: unknown,
  isInterrupt: boolean,
): Promise<TasksError> {
  const what = isInterrupt ? 'interrupted' : messageOf(cause);
  const exitCode = isInterrupt ? 130 : exitCodeOf(cause);
  try {
    await stopUnlessOurs(desk, journal);
    const back: Journal = { ...journal, direction: 'back', beat: journal.beat + 1 };
    await openJournal(desk.registry, desk.journal, back);
    const { refused, foreign } = await putBack(desk.registry, journal.changes);
    const note = foreign.length === 0 ? '' : `\nsomebody else moved ${list(foreign)}: left as they are`;
    if (refused.length === 0) {
      await close(desk, journal, 'reverted');
      return new TasksError(exitCode, `${what}\nnothing is published: the tags are as they were${note}`, {
        cause,
      });
    }
    // Nobody could put these back; the next push makes the release whole instead.
    await openJournal(desk.registry, desk.journal, { ...back, direction: 'forward', beat: back.beat + 1 });
    return new TasksError(
      exitCode,
      `${what}\nthe tags that moved are back, but this registry deletes nothing: ${list(refused)} stay new${note}`,
      { hint: 'the next push ends this release first, from any machine', cause },
    );
  } catch (error) {
    return new TasksError(
      exitCode,
      `${what}\nthe tags could not be put back (${messageOf(error)}): some may be new, some old`,
      { hint: `push again, from any machine: what is written in ${desk.journal} is ended first`, cause },
    );
  }
}

/**
 * Puts tags back to what they pointed at before, the last ones first, and takes new ones away. A tag that somebody else
 * moved since is left alone.
 */
export async function putBack(
  registry: Registry,
  changes: readonly Change[],
): Promise<{ refused: string[]; foreign: string[] }> {
  const manifest = manifestReader(registry);
  const [refused, foreign]: [string[], string[]] = [[], []];
  for (const group of inOrder(changes).reverse()) {
    await each(group, async ({ name, before, after }) => {
      const now = await registry.head(name);
      if (now === before) return;
      if (now !== after) foreign.push(name);
      else if (before !== undefined) await registry.put(name, await manifest(name, before));
      else if ((await registry.untag(name)) === 'refused') refused.push(name);
    });
  }
  return { refused, foreign };
}

/** The names that don't point where they should. */
export async function pointElsewhere(registry: Registry, changes: readonly Change[]): Promise<string[]> {
  const now = await pointedAt(
    registry,
    changes.map(({ name }) => name),
  );
  return changes.filter(({ name, after }) => now.get(name) !== after).map(({ name }) => name);
}

export async function close(desk: Desk, { id }: Journal, outcome: Ended['outcome']): Promise<void> {
  await closeJournal(desk.registry, desk.journal, { id, time: desk.clock.now().toISOString(), outcome });
}

/** The failure of a push that has set no tag, which it says. */
export function untouched(error: unknown, { aborted }: AbortSignal): TasksError {
  const known = error instanceof TasksError ? error : undefined;
  const what = aborted && known === undefined ? 'interrupted' : messageOf(error);
  const { hint } = known ?? {};
  return new TasksError(aborted ? 130 : exitCodeOf(error), `${what}\nnothing is published: no tag was set`, {
    ...(hint !== undefined ? { hint } : {}),
    cause: error,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function exitCodeOf(error: unknown): ExitCode {
  return error instanceof TasksError ? error.exitCode : 1;
}

/** A few of many names. */
export function list(names: readonly string[]): string {
  const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
  return `${names.slice(0, 5).join(', ')}${more}`;
}
