/** A use of something that others may use, too. */
export interface Lease<T> {
  readonly value: T;
  /** Ends the use. The last one that ends closes the value. */
  release(): void;
}

/** Values that are opened once for all who use them at the same time. */
export interface SharedLeases<T> {
  /**
   * Opens the value of a key, or returns the one that is open. After `drop` was called, for example because a session was lost, the
   * next who come open another value. @throws the errors of `open`; the next call opens another one
   */
  acquire(key: string, open: (drop: () => void) => Promise<T>): Promise<Lease<T>>;
}

/**
 * Shares sessions between builds that send the same context; the key is the context's digest. An engine keeps what it was sent under
 * a shared key, but cannot use it again before the build that sent it has ended (moby/buildkit cache/manager.go, GetMutable): each
 * of several builds that run at the same time would send everything. Builds of one session share the transfer instead, because
 * the session is all that distinguishes their local sources (source/local, CacheKey). For the same reason, what is sent under one
 * session must never change.
 */
export function makeSharedLeases<T>(close: (value: T) => void): SharedLeases<T> {
  const opened = new Map<string, Opened<T>>();

  const start = (key: string, open: (drop: () => void) => Promise<T>): Opened<T> => {
    const drop = (): void => {
      if (opened.get(key) === entry) opened.delete(key);
    };
    // `open` may call `drop` at once, when nothing is there to be dropped yet.
    const value = Promise.resolve().then(() => open(drop));
    const entry: Opened<T> = { value, users: 0, drop };
    opened.set(key, entry);
    value.catch(drop);
    return entry;
  };

  return {
    async acquire(key, open) {
      const entry = opened.get(key) ?? start(key, open);
      entry.users++;
      const value = await entry.value;
      let isHeld = true;
      const release = (): void => {
        if (!isHeld) return;
        isHeld = false;
        if (--entry.users > 0) return;
        entry.drop();
        close(value);
      };
      return { value, release };
    },
  };
}

interface Opened<T> {
  readonly value: Promise<T>;
  readonly drop: () => void;
  users: number;
}
