import type { Connection } from './connect.ts';
import { untilAborted } from './until-aborted.ts';

/** Connections that several builds share, because each costs a process and a login. */
export interface ConnectionPool {
  /** Returns a share in a connection, and opens one if all are full. @throws the errors of `open`; the signal's reason */
  acquire(signal: AbortSignal): Promise<Connection>;
}

/** The calls of a build are three streams, of which engines allow 250 (google.golang.org/grpc, golang.org/x/net/http2). */
const maxUses = 40;

/** A connection, and how many use it. */
interface Shared {
  readonly connection: Promise<Connection>;
  uses: number;
}

/**
 * Returns a pool whose connections `open` opens. A connection that nothing uses stays open for what comes, but does not keep this
 * process running. One that has failed, or was retired by a user, gets no more users.
 */
export function makeConnectionPool(open: () => Promise<Connection>): ConnectionPool {
  const available = new Set<Shared>();

  const release = async (shared: Shared): Promise<void> => {
    if (--shared.uses > 0) return;
    // If it could not be opened, those who wait for it report that.
    const connection = await shared.connection.catch(() => undefined);
    if (shared.uses > 0) return;
    if (available.has(shared)) connection?.unref();
    else connection?.close();
  };

  const start = (): Shared => {
    const connection = open();
    const shared: Shared = { connection, uses: 0 };
    available.add(shared);
    const retire = (): void => void available.delete(shared);
    connection.then(({ http2 }) => void http2.once('close', retire).once('goaway', retire), retire);
    return shared;
  };

  const findOrStart = (): Shared => {
    for (const shared of available) if (shared.uses < maxUses) return shared;
    return start();
  };

  return {
    async acquire(signal) {
      signal.throwIfAborted();
      const shared = findOrStart();
      shared.uses++;
      let isHeld = true;
      const close = (): void => {
        if (isHeld) void release(shared);
        isHeld = false;
      };
      const connection = await untilAborted(shared.connection, signal).catch((error) => {
        close();
        throw error;
      });
      connection.ref();
      return { ...connection, isShared: true, retire: () => void available.delete(shared), close };
    },
  };
}
