import Keyv, { type KeyvStoreAdapter } from 'keyv';
import type { Warn } from './file-store.ts';

/** Part of every stored name: values of another layout are not found rather than misread. */
const layout = 'image-tasks:v1';

/** Milliseconds after which a value goes that was not written again: the store is bounded, too. */
const lifetime = 90 * 86_400_000;

/** What machines tell each other. */
type Kind = 'record' | 'manifest';

/** The longest text of each kind that is read, in characters. */
const longest: Readonly<Record<Kind, number>> = { record: 1 << 18, manifest: 1 << 24 };

/** How long a value under this name, `record:…`, may be. */
export function maxLengthOf(name: string): number {
  return name.startsWith('record:') ? longest.record : longest.manifest;
}

/** A store that several machines use. It may be down, slow, or hold anything: that costs time, and one warning. */
export interface SharedStore {
  /** What is there under the given names, of that which is valid. */
  get<T>(
    kind: Kind,
    names: readonly string[],
    isValid: (value: unknown, name: string) => value is T,
  ): Promise<Map<string, T>>;
  set(kind: Kind, name: string, value: unknown): Promise<void>;
}

/** Where nothing is shared. */
export const noSharedStore: SharedStore = { get: async () => new Map(), set: async () => undefined };

export interface SharedStoreOptions {
  /** How the store is called in warnings; without secrets. */
  readonly displayName: string;
  /** Called once, when something is asked first. */
  connect(): Promise<KeyvStoreAdapter>;
  readonly warn: Warn;
  /** Milliseconds that connecting, or a request, may take. */
  readonly timeoutMs: number;
}

/** A shared store over one of Keyv's adapters. After its first failure it counts as empty, and nothing more is asked. */
export function openSharedStore({ displayName, connect, warn, timeoutMs }: SharedStoreOptions): SharedStore {
  let opened: Promise<Keyv> | undefined;
  let isBroken = false;
  let isTold = false;
  const tellOnce = (text: string): void => {
    if (!isTold) warn(`shared records at ${displayName}: ${text}`);
    isTold = true;
  };
  const notOurs = (): undefined => {
    tellOnce('some of what is there is none of ours and counts as not there');
    return undefined;
  };
  const open = async (): Promise<Keyv> => {
    // Keyv answers a store's errors with undefined and false unless it is told to throw.
    const keyv = new Keyv(await connect(), { namespace: layout, useKeyPrefix: false, throwOnErrors: true });
    keyv.deserialize = ((text: string) => parsed(text) ?? notOurs()) as typeof keyv.deserialize;
    // Without a listener an error that comes between requests would end the program; within one it is thrown.
    keyv.on('error', () => undefined);
    return keyv;
  };
  const ask = async <T>(request: (store: Keyv) => Promise<T>): Promise<T | undefined> => {
    if (isBroken) return undefined;
    opened ??= open();
    try {
      return await within(timeoutMs, opened.then(request));
    } catch (error) {
      isBroken = true;
      // What still comes would only fill the memory.
      opened.then((keyv) => keyv.disconnect()).catch(() => undefined);
      tellOnce(`${(error as Error).message}; only .cache counts from here on`);
      return undefined;
    }
  };
  return {
    async get(kind, names, isValid) {
      if (names.length === 0) return new Map();
      const values = await ask((store) => store.getMany<unknown>(names.map((name) => `${kind}:${name}`)));
      const found = new Map();
      for (const [index, name] of names.entries()) {
        const value = values?.[index];
        if (value === undefined || value === null) continue;
        if (isValid(value, name)) found.set(name, value);
        else notOurs();
      }
      return found;
    },
    async set(kind, name, value) {
      await ask((store) => store.set(`${kind}:${name}`, value, lifetime));
    },
  };
}

/** What Keyv wrote; undefined for anything else. */
function parsed(text: string): { value: unknown; expires: number | undefined } | undefined {
  if (typeof text !== 'string' || text.length > longest.manifest) return undefined;
  try {
    const data: unknown = JSON.parse(text);
    return typeof data === 'object' && data !== null && 'value' in data
      ? { value: data.value, expires: undefined }
      : undefined;
  } catch {
    // No JSON: not ours.
    return undefined;
  }
}

/** @throws Error when it takes longer; what then becomes of it is nobody's concern */
async function within<T>(limit: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limit / 1000} s`)), limit);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
