import path from 'node:path';
import Keyv from 'keyv';
import { fileStore, type Warn } from './file-store.ts';

/**
 * Opens the store of passed tests, by id, in a project's cache folder. It is not shared: other machines see that a test has
 * passed by a tag on the image in the registry.
 */
export function openTestPasses(
  cacheFolder: string,
  warn: Warn,
): { has(id: string): Promise<boolean>; add(id: string): Promise<void> } {
  const store = fileStore(path.join(cacheFolder, 'tests'), warn);
  const passes = new Keyv<boolean>({ store, namespace: 'v1', throwOnErrors: true });
  return {
    has: async (id) => (await passes.get(id)) === true,
    add: async (id) => void (await passes.set(id, true)),
  };
}
