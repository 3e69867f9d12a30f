import pLimit from 'p-limit';
import type { RawManifest, Registry } from '../model/registry.ts';
import { repositoryOf } from '../plan/refs.ts';
import type { TagChange } from './journal.ts';

/** How many requests are under way at once. */
const requests = 8;

/** Does something for each, several at once; the first failure stops what has not begun. */
export async function forEachLimit<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const limit = pLimit(requests);
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

/** What tags point at now, by name; undefined: nothing is there. */
export async function queryDigests(
  registry: Registry,
  names: readonly string[],
): Promise<Map<string, string | undefined>> {
  const found = new Map<string, string | undefined>();
  await forEachLimit(names, async (name) => void found.set(name, await registry.head(name)));
  return found;
}

/** Reads manifests once each, for tags that several names get. */
export function manifestReader(registry: Registry): (name: string, digest: string) => Promise<RawManifest> {
  const known = new Map<string, Promise<RawManifest>>();
  return (name, digest) => {
    const at = `${repositoryOf(name)}@${digest}`;
    const found = known.get(at) ?? registry.manifest(at);
    known.set(at, found);
    return found;
  };
}

/** New tags, then those that move, then aliases: what people pull by habit changes last. */
export function inPublishOrder(changes: readonly TagChange[]): TagChange[][] {
  return [
    changes.filter(({ isAlias, before }) => !isAlias && before === undefined),
    changes.filter(({ isAlias, before }) => !isAlias && before !== undefined),
    changes.filter(({ isAlias }) => isAlias),
  ];
}
