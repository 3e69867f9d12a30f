import type { KeyvStoreAdapter } from 'keyv';
import { TasksError } from '../model/errors.ts';
import type { Warn } from './file-store.ts';
import { maxLengthOf, openSharedStore, type SharedStore } from './shared-store.ts';

/** Milliseconds that the store may take for an answer. */
const timeoutMs = 2_000;

/**
 * Records shared through Redis, or through Valkey, which speaks the same protocol. `url`: redis://, rediss://, valkey:// or
 * valkeys://. Nothing is loaded or connected before something is asked.
 * @throws TasksError exit 2 for another address; what it holds is not shown, it may be a password
 */
export function openRedisStore(url: string, warn: Warn): SharedStore {
  const address = addressOf(url);
  return openSharedStore({
    displayName: `${address.protocol}//${address.host}`,
    connect: () => connect(address.href),
    warn,
    timeoutMs: timeoutMs,
  });
}

function addressOf(url: string): URL {
  const standard = url.replace(/^valkey(s?):/, 'redis$1:');
  if (URL.canParse(standard)) {
    const address = new URL(standard);
    const isKnown = address.protocol === 'redis:' || address.protocol === 'rediss:';
    if (isKnown && address.hostname !== '' && /^\/?\d*$/.test(address.pathname)) return address;
  }
  throw new TasksError(2, 'TASKS_CACHE_URL is not the address of a Redis or Valkey store', {
    hint: 'expected redis://[user:password@]host[:port][/number]; rediss:// with TLS; valkey:// and valkeys:// as well',
  });
}

async function connect(url: string): Promise<KeyvStoreAdapter> {
  const { createClient, default: KeyvRedis } = await import('@keyv/redis');
  const client = createClient({
    url,
    // A store that is gone is done without; the next run tries it again.
    socket: { connectTimeout: timeoutMs, reconnectStrategy: false },
  });
  client.on('error', () => undefined);
  // A connection that nobody waits for does not keep the program alive.
  client.unref();
  await client.connect();
  const adapter = new KeyvRedis(client, { throwOnErrors: true });
  const getMany = adapter.getMany.bind(adapter);
  /** A value may be half a gigabyte: what is too long to be ours is never fetched. */
  adapter.getMany = async <T>(names: string[]) => {
    const lengths = await Promise.all(
      names.map((name) => lengthOf(adapter.createKeyPrefix(name, adapter.namespace))),
    );
    const short = names.filter((name, index) => !(lengths[index]! > maxLengthOf(name)));
    const values = short.length === 0 ? [] : await getMany<T>(short);
    const found = new Map(short.map((name, index) => [name, values[index]]));
    return names.map((name) => found.get(name));
  };
  // Of another type than text: then there is nothing to fetch, and the store says so again.
  const lengthOf = (name: string): Promise<number> => client.strLen(name).catch(() => 0);
  adapter.disconnect = async () => client.destroy();
  return adapter as KeyvStoreAdapter;
}
