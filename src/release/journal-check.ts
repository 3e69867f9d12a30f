import { overwriteTag } from './journal.ts';
import type { PublishContext } from './publish-context.ts';

/**
 * Throws where the journal could be opened but never closed, since tags are immutable there: found out with a tag of its own,
 * before anything is uploaded. A journal that lies there was written more than once.
 * @throws RegistryError
 */
export async function checkJournalWritable({ registry, journalName }: PublishContext): Promise<void> {
  if ((await registry.head(journalName)) !== undefined) return;
  const probe = `${journalName}-probe`;
  if ((await registry.head(probe)) === undefined) await registry.write(probe, text(1));
  await overwriteTag(registry, probe, text(2));
}

function text(step: number): string {
  return JSON.stringify({ schema: 1, step });
}
