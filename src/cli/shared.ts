import { redisShared } from '../cache/redis.ts';
import { notShared, type SharedStore } from '../cache/shared.ts';
import { type Io, warner } from './io.ts';

/** One connection a process, however many plans it makes. */
const opened = new WeakMap<Io, SharedStore>();

/** What TASKS_CACHE_URL names. @throws TasksError exit 2 where that is no address of a store */
export function sharedStore(io: Io): SharedStore {
  const url = io.environment.TASKS_CACHE_URL;
  if (!url) return notShared;
  const store = opened.get(io) ?? redisShared(url, warner(io));
  opened.set(io, store);
  return store;
}
