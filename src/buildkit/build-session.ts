import type { Connection } from './connect.ts';
import { connectionClosed } from './engine-lost.ts';
import { NoStatus } from './grpc/status.ts';
import { newId } from './new-id.ts';
import { type BuildServices, handlersOf } from './services.ts';
import { openSession, type Session, type SessionOptions } from './session.ts';
import { recordTransfers, type Transfers } from './transfers.ts';

/** A session through which an engine reads and writes the files of one or more builds. */
export interface BuildSession {
  readonly id: string;
  readonly connection: Connection;
  readonly transfers: Transfers;
  /** Resolves when it has ended, by either side. */
  readonly ended: Promise<void>;
  /**
   * Returns the failure of a file transfer that is the reason for a failed build on `connection`, if there is one. In a session of
   * several builds, it is the reason for those whose own error contains its message: the engine passes it on.
   */
  failureBehind(error: unknown, connection: Connection): Error | undefined;
  close(): void;
}

/**
 * Opens a session for builds on a connection, which it closes if it fails. `sharedKey`: see `SessionOptions.sharedKey`.
 * @throws EngineLost; the signal's reason
 */
export async function openBuildSession(
  connection: Connection,
  sharedKey: string,
  services: BuildServices,
  signal: AbortSignal,
): Promise<BuildSession> {
  const transfers = recordTransfers(services);
  const handlers = handlersOf(transfers.services);
  const session = await openOn(connection, { id: newId(), sharedKey, handlers }, signal);
  return {
    id: session.id,
    connection,
    transfers,
    ended: session.ended,
    failureBehind(error, own) {
      if (own === connection) return transfers.failures[0];
      if (!(error instanceof Error)) return undefined;
      return transfers.failures.find(({ message }) => error.message.includes(message));
    },
    close: session.close,
  };
}

async function openOn(
  connection: Connection,
  options: SessionOptions,
  signal: AbortSignal,
): Promise<Session> {
  try {
    return await openSession(connection, options, signal);
  } catch (error) {
    connection.retire();
    connection.close();
    throw error instanceof NoStatus ? connectionClosed(connection.failure(), error) : error;
  }
}
