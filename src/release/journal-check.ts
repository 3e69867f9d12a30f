import type { Desk } from './desk.ts';
import { overwrite } from './journal.ts';

/**
 * Throws where the journal could be opened but never closed, since tags are immutable there: found out with a tag of its own,
 * before anything is uploaded. A journal that lies there was written more than once.
 * @throws RegistryError
 */
export async function checkJournal({ registry, journal }: Desk): Promise<void> {
  if ((await registry.head(journal)) !== undefined) return;
  const probe = `${journal}-probe`;
  if ((await registry.head(probe)) === undefined) await registry.write(probe, text(1));
  await overwrite(registry, probe, text(2));
}

function text(step: number): string {
  return JSON.stringify({ schema: 1, step });
}
