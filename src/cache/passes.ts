import path from 'node:path';
import Keyv from 'keyv';
import { notShared, type SharedStore } from './shared.ts';
import { fileStore, type Warn } from './store.ts';

/** Remembers that something passed, by its id, in a project's cache folder and in what is shared with other machines. */
export function openPasses(
  cacheFolder: string,
  warn: Warn,
  shared: SharedStore = notShared,
): { has(id: string): Promise<boolean>; add(id: string): Promise<void> } {
  const store = fileStore(path.join(cacheFolder, 'tests'), warn);
  const passes = new Keyv<boolean>({ store, namespace: 'v1', throwOnErrors: true });
  return {
    has: async (id) => (await passes.get(id)) === true || (await shared.get('pass', [id], isPass)).has(id),
    async add(id) {
      await passes.set(id, true);
      await shared.set('pass', id, true);
    },
  };
}

function isPass(value: unknown): value is true {
  return value === true;
}
