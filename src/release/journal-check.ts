import { overwriteTag } from './journal.ts';
import type { PublishContext } from './publish-context.ts';

/**
 * Checks that the journal can be overwritten. With immutable tags it could be opened but never closed. Writes a probe tag
 * twice, unless the journal exists: then it has been overwritten before.
 * @throws RegistryError `immutable`, and others as the registry does
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
