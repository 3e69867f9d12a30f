import { isAlive, newOwner } from '../cache/owner.ts';
import type { Owner } from '../model/owner.ts';
import type { Naming } from '../plan/refs.ts';
import { journalName } from '../release/journal.ts';
import { type PublishContext, tagOwnershipIn } from '../release/publish-context.ts';
import { type Host, neverAborted } from './host.ts';

/** Gives up before other machines take the silence for the end of this process. */
const publishRequests = { tries: 3, timeoutMs: 7_000 };

/**
 * Returns what publishing needs. `names`: the image names of all definitions. Its requests continue after an interrupt, so that
 * a publication that has started is completed or rolled back; a second interrupt ends the process.
 */
export async function publishContext(
  naming: Naming,
  names: Iterable<string>,
  { clock, connections, notify }: Host,
): Promise<PublishContext> {
  return {
    registry: await connections.registry(neverAborted, publishRequests),
    clock,
    journalName: journalName(naming),
    ownershipOf: tagOwnershipIn(naming.repo, new Set(names)),
    newOwner,
    isAlive: (owner) => (isOwner(owner) ? isAlive(owner) : undefined),
    report: (message) => notify({ kind: 'publication', message }),
  };
}

/** Owners are read from a registry: they may be anything. */
function isOwner(value: unknown): value is Owner {
  const owner = value as Partial<Owner> | null;
  return (
    typeof owner === 'object' &&
    owner !== null &&
    [owner.id, owner.place, owner.started].every((each) => typeof each === 'string') &&
    Number.isInteger(owner.pid)
  );
}
