import { openRedisStore } from '../cache/redis-store.ts';
import { noSharedStore, type SharedStore } from '../cache/shared-store.ts';
import { type Io, warner } from './io.ts';

/** One connection a process, however many plans it makes. */
const opened = new WeakMap<Io, SharedStore>();

/** What TASKS_CACHE_URL names. @throws TasksError exit 2 where that is no address of a store */
export function sharedStore(io: Io): SharedStore {
  const url = io.environment.TASKS_CACHE_URL;
  if (!url) return noSharedStore;
  const store = opened.get(io) ?? openRedisStore(url, warner(io));
  opened.set(io, store);
  return store;
}
