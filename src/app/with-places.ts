import type { Locate } from '../load/locate.ts';
import { DefinitionError } from '../model/errors.ts';

/** Works on a project. If that finds problems in the definitions, they get their places in the source. @throws what `work` throws */
export async function withPlaces<T>(
  { locate }: { readonly locate: Locate },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof DefinitionError ? locate(error) : error;
  }
}
