import path from 'node:path';
import type { ObservedContext, ObservedImage } from '../model/observed.ts';
import { normalizePlatform } from '../model/platform.ts';
import type { BuildRequest, ContextEntry } from '../model/ports.ts';
import { withoutTag } from '../model/reference.ts';
import type { TaskId } from '../model/task.ts';

/**
 * Returns the named contexts of a build request: the files that were hashed, pinned images, and exact tags of needs. A context that
 * the target does not use is an empty folder: if the analysis of the Dockerfile were wrong, its COPY would fail. `exactTag` returns
 * the tag of a need's image.
 */
export function requestContexts(
  observed: ObservedImage,
  root: string,
  exactTag: (id: TaskId) => string,
): NonNullable<BuildRequest['contexts']> {
  return Object.fromEntries(
    (observed.contexts ?? []).flatMap((context): [string, readonly ContextEntry[] | string][] => {
      const { name, source, isUsed } = context;
      if ('image' in source && isUsed)
        return imageAddresses(name, observed, exactTag).map(([key, image]) => [
          key,
          `docker-image://${image}`,
        ]);
      if ('git' in source && isUsed) return [[name, source.git]];
      return [[name, folderEntries(context, root)]];
    }),
  );
}

function folderEntries({ source, entries }: ObservedContext, root: string): ContextEntry[] {
  const folder = path.join(root, 'folder' in source ? source.folder : '');
  return entries.map((entry) => ({ entry, source: path.join(folder, entry.path) }));
}

/** Returns the image of a context, by name, or by name and platform: the lock file may pin another one for each platform. */
function imageAddresses(
  name: string,
  { bases, neededImages = [] }: ObservedImage,
  exactTag: (id: TaskId) => string,
): [key: string, image: string][] {
  const need = neededImages.find(({ context }) => context === name);
  if (need !== undefined) return [[name, exactTag(need.task)]];
  return bases
    .filter(({ context }) => context === name)
    .map(({ reference, platform, digest }) => [
      platform === 'any' ? name : `${name}::${normalizePlatform(platform)}`,
      digest === undefined ? reference : `${withoutTag(reference)}@${digest}`,
    ]);
}
