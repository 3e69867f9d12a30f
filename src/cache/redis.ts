import type { KeyvStoreAdapter } from 'keyv';
import { TasksError } from '../model/errors.ts';
import { openShared, type SharedStore } from './shared.ts';
import type { Warn } from './store.ts';

/** Milliseconds that the store may take for an answer. */
const limit = 2_000;

/**
 * Records shared through Redis, or through Valkey, which speaks the same protocol. `url`: redis://, rediss://, valkey:// or
 * valkeys://. Nothing is loaded or connected before something is asked.
 * @throws TasksError exit 2 for another address; what it holds is not shown, it may be a password
 */
export function redisShared(url: string, warn: Warn): SharedStore {
  const address = addressOf(url);
  return openShared({
    place: `${address.protocol}//${address.host}`,
    connect: () => connect(address.href),
    warn,
    limit,
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
    socket: { connectTimeout: limit, reconnectStrategy: false },
  });
  client.on('error', () => undefined);
  // A connection that nobody waits for does not keep the program alive.
  client.unref();
  await client.connect();
  return new KeyvRedis(client, { throwOnErrors: true }) as KeyvStoreAdapter;
}
