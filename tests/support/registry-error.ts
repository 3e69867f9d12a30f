import * as assert from 'uvu/assert';
import { RegistryError } from '../../src/model/registry.ts';

/** Returns the RegistryError that a promise rejects with. Fails if it resolves, or rejects with anything else. */
export async function registryErrorOf(work: Promise<unknown>): Promise<RegistryError> {
  const error = await work.then(
    () => undefined,
    (each: unknown) => each,
  );
  assert.instance(error, RegistryError);
  return error as RegistryError;
}
