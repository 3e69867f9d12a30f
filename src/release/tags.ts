import pLimit from 'p-limit';
import type { RawManifest, Registry } from '../model/registry.ts';
import { repositoryOf } from '../plan/refs.ts';
import type { TagChange } from './journal.ts';

/** How many requests run at once. */
const maxRequests = 8;

/** Calls `act` for each item, several at once. The first failure stops items that have not started. @throws that failure */
export async function forEachLimit<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const limit = pLimit(maxRequests);
  let failure: { error: unknown } | undefined;
  await Promise.all(
    items.map((item) =>
      limit(async () => {
        if (failure !== undefined) return;
        await act(item).catch((error: unknown) => {
          failure ??= { error };
        });
      }),
    ),
  );
  if (failure !== undefined) throw failure.error;
}

/** Queries what tags point to now. Returns digests by name; undefined for tags that do not exist. */
export async function queryDigests(
  registry: Registry,
  names: readonly string[],
): Promise<Map<string, string | undefined>> {
  const found = new Map<string, string | undefined>();
  await forEachLimit(names, async (name) => void found.set(name, await registry.head(name)));
  return found;
}

/** Returns a function that reads manifests, each only once. `name`: any tag in the manifest's repository. */
export function manifestReader(registry: Registry): (name: string, digest: string) => Promise<RawManifest> {
  const known = new Map<string, Promise<RawManifest>>();
  return (name, digest) => {
    const at = `${repositoryOf(name)}@${digest}`;
    const found = known.get(at) ?? registry.manifest(at);
    known.set(at, found);
    return found;
  };
}

/** Groups changes: new tags, then tags that move, then aliases. The tags that most people pull change last. */
export function inPublishOrder(changes: readonly TagChange[]): TagChange[][] {
  return [
    changes.filter(({ isAlias, before }) => !isAlias && before === undefined),
    changes.filter(({ isAlias, before }) => !isAlias && before !== undefined),
    changes.filter(({ isAlias }) => isAlias),
  ];
}
