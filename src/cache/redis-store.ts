import type { KeyvStoreAdapter } from 'keyv';
import { TasksError } from '../model/errors.ts';
import type { Warn } from './file-store.ts';
import { maxLengthOf, openSharedStore, type SharedStore } from './shared-store.ts';

/** Milliseconds that connecting, or a request, may take. */
const timeoutMs = 2_000;

/**
 * Opens a shared store in Redis, or in Valkey, which has the same protocol. `url` starts with redis://, rediss://, valkey:// or
 * valkeys://. The client is loaded and connected at the first request.
 * @throws TasksError exit 2 for another URL; the message does not show it, because it may contain a password
 */
export function openRedisStore(url: string, warn: Warn): SharedStore {
  const address = parseAddress(url);
  return openSharedStore({
    displayName: `${address.protocol}//${address.host}`,
    load: async () => {
      const client = await import('@keyv/redis');
      return () => connect(address.href, client);
    },
    warn,
    timeoutMs: timeoutMs,
  });
}

function parseAddress(url: string): URL {
  const standard = url.replace(/^valkey(s?):/, 'redis$1:');
  if (URL.canParse(standard)) {
    const address = new URL(standard);
    const isKnown = address.protocol === 'redis:' || address.protocol === 'rediss:';
    if (isKnown && address.hostname !== '' && /^\/?\d*$/.test(address.pathname)) return address;
  }
  throw new TasksError(2, 'TASKS_CACHE_URL is not the address of a Redis or Valkey server', {
    hint: 'expected redis://[user:password@]host[:port][/number], or rediss:// for TLS; valkey:// and valkeys:// work too',
  });
}

async function connect(
  url: string,
  { createClient, default: KeyvRedis }: typeof import('@keyv/redis'),
): Promise<KeyvStoreAdapter> {
  const client = createClient({
    url,
    // This run continues without the store if it fails; the next run connects again.
    socket: { connectTimeout: timeoutMs, reconnectStrategy: false },
  });
  client.on('error', () => undefined);
  // An idle connection must not keep the process alive.
  client.unref();
  await client.connect();
  const adapter = new KeyvRedis(client, { throwOnErrors: true });
  const getMany = adapter.getMany.bind(adapter);
  // A value in Redis can be 512 MB. Values that are too long for a record or manifest are not fetched.
  adapter.getMany = async <T>(names: string[]) => {
    const lengths = await Promise.all(
      names.map((name) => lengthOf(adapter.createKeyPrefix(name, adapter.namespace))),
    );
    const accepted = names.filter((name, index) => !(lengths[index]! > maxLengthOf(name)));
    const values = accepted.length === 0 ? [] : await getMany<T>(accepted);
    const found = new Map(accepted.map((name, index) => [name, values[index]]));
    return names.map((name) => found.get(name));
  };
  // STRLEN fails if the value is not a string; then the GET that follows fails too.
  const lengthOf = (name: string): Promise<number> => client.strLen(name).catch(() => 0);
  adapter.disconnect = async () => client.destroy();
  return adapter as KeyvStoreAdapter;
}
