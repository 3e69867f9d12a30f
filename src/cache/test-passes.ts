import path from 'node:path';
import Keyv from 'keyv';
import { fileStore, type Warn } from './file-store.ts';

/**
 * Remembers that something passed, by its id, in a project's cache folder. Other machines learn of a pass from the registry
 * alone, where it stands on the image that passed.
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
