import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, newOwner } from '../cache/owner.ts';
import type { Owner } from '../model/owner.ts';
import type { Naming } from '../plan/refs.ts';
import { journalName } from '../release/journal.ts';
import { type PublishContext, tagOwnershipIn } from '../release/publish-context.ts';
import type { Io } from './io.ts';
import { registryFor } from './registries.ts';

/** Where tags are set; `names`: of the images of the definitions. What was begun there is ended even after an interrupt; a second interrupt ends the process at once. */
export function deskFor(naming: Naming, names: Iterable<string>, io: Io): PublishContext {
  return {
    registry: registryFor(
      { environment: io.environment, signal: new AbortController().signal },
      { tries: 3, timeoutMs: 7_000 },
    ),
    clock: { now: io.now, sleep: (ms, signal) => delay(ms, undefined, { signal }) },
    journalName: journalName(naming),
    ownershipOf: tagOwnershipIn(naming.repo, new Set(names)),
    newOwner,
    isAlive: (owner) => (isOwner(owner) ? isAlive(owner) : undefined),
    report: (text) => io.err(`${text}\n`),
  };
}

/** Read from a registry: it may be anything. */
function isOwner(value: unknown): value is Owner {
  const owner = value as Partial<Owner> | null;
  return (
    typeof owner === 'object' &&
    owner !== null &&
    [owner.id, owner.place, owner.started].every((each) => typeof each === 'string') &&
    Number.isInteger(owner.pid)
  );
}
