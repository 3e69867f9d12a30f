import Keyv, { type KeyvStoreAdapter } from 'keyv';
import type { Warn } from './file-store.ts';

/** Part of every stored name, so that values of another layout are not found instead of misread. */
const layout = 'image-tasks:v1';

/** Milliseconds after which a value expires unless it is written again; this bounds the store's size. */
const lifetimeMs = 90 * 86_400_000;

/** The kinds of shared values. */
type Kind = 'record' | 'manifest';

/** The longest text that is read of each kind, in characters. */
const maxLengths: Readonly<Record<Kind, number>> = { record: 1 << 18, manifest: 1 << 24 };

/** Returns the longest accepted value for a name such as `record:…`, in characters. */
export function maxLengthOf(name: string): number {
  return name.startsWith('record:') ? maxLengths.record : maxLengths.manifest;
}

/** A store that several machines share. If it fails, is slow or holds invalid values, a run warns once and uses only .cache. */
export interface SharedStore {
  /** Returns the valid values among those stored under the given names. */
  get<T>(
    kind: Kind,
    names: readonly string[],
    isValid: (value: unknown, name: string) => value is T,
  ): Promise<Map<string, T>>;
  set(kind: Kind, name: string, value: unknown): Promise<void>;
}

/** The store that is used if nothing is shared; always empty. */
export const noSharedStore: SharedStore = { get: async () => new Map(), set: async () => undefined };

export interface SharedStoreOptions {
  /** The store's name in warnings, without secrets. */
  readonly displayName: string;
  /** Loads the client, at the first request. Returns a function that connects, which is called once. */
  load(): Promise<() => Promise<KeyvStoreAdapter>>;
  readonly warn: Warn;
  /** Milliseconds that connecting, or a request, may take. Loading the client is not the store's time. */
  readonly timeoutMs: number;
}

/** Opens a shared store on a Keyv adapter. After the first failed request it counts as empty and gets no more requests. */
export function openSharedStore({ displayName, load, warn, timeoutMs }: SharedStoreOptions): SharedStore {
  let loaded: ReturnType<typeof load> | undefined;
  let opened: Promise<Keyv> | undefined;
  let hasFailed = false;
  let hasWarned = false;
  const warnOnce = (text: string): void => {
    if (!hasWarned) warn(`shared records at ${displayName}: ${text}`);
    hasWarned = true;
  };
  const ignoreInvalid = (): undefined => {
    warnOnce('invalid values are ignored');
    return undefined;
  };
  const open = async (connect: () => Promise<KeyvStoreAdapter>): Promise<Keyv> => {
    // By default Keyv turns errors of the store into undefined and false.
    const keyv = new Keyv(await connect(), { namespace: layout, useKeyPrefix: false, throwOnErrors: true });
    keyv.deserialize = ((text: string) => parseValue(text) ?? ignoreInvalid()) as typeof keyv.deserialize;
    // Without a listener, an error between two requests would end the process. Errors of a request are thrown.
    keyv.on('error', () => undefined);
    return keyv;
  };
  const send = async <T>(request: (store: Keyv) => Promise<T>): Promise<T | undefined> => {
    if (hasFailed) return undefined;
    try {
      loaded ??= load();
      const connect = await loaded;
      opened ??= open(connect);
      return await withTimeout(timeoutMs, opened.then(request));
    } catch (error) {
      hasFailed = true;
      // A late response would only use memory.
      opened?.then((keyv) => keyv.disconnect()).catch(() => undefined);
      warnOnce(`${(error as Error).message}; using only .cache`);
      return undefined;
    }
  };
  return {
    async get(kind, names, isValid) {
      if (names.length === 0) return new Map();
      const values = await send((store) => store.getMany<unknown>(names.map((name) => `${kind}:${name}`)));
      const found = new Map();
      for (const [index, name] of names.entries()) {
        const value = values?.[index];
        if (value === undefined || value === null) continue;
        if (isValid(value, name)) found.set(name, value);
        else ignoreInvalid();
      }
      return found;
    },
    async set(kind, name, value) {
      await send((store) => store.set(`${kind}:${name}`, value, lifetimeMs));
    },
  };
}

/** Parses the text that Keyv writes for a value; undefined for any other text. */
function parseValue(text: string): { value: unknown; expires: number | undefined } | undefined {
  if (typeof text !== 'string' || text.length > maxLengths.manifest) return undefined;
  try {
    const data: unknown = JSON.parse(text);
    return typeof data === 'object' && data !== null && 'value' in data
      ? { value: data.value, expires: undefined }
      : undefined;
  } catch {
    // Not JSON.
    return undefined;
  }
}

/** Awaits work for at most `timeoutMs` milliseconds; a later result or error is ignored. @throws Error on timeout */
async function withTimeout<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no response within ${timeoutMs / 1000} s`)), timeoutMs);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
