import pLimit from 'p-limit';
import type { Memo } from '../incremental/memo.ts';
import { type Registry, RegistryError, type RemoteImage } from '../model/registry.ts';
import type { TaskId } from '../model/task.ts';
import { isPassOf, type RemoteImageQuery } from './remote-images.ts';

/** Enough to hide latency, and few enough to stay below rate limits. */
const maxRequests = 8;

/**
 * Queries a registry that alone has the images of tasks: one list of tags for each repository, one HEAD for each tag of a task that is
 * in the list, and the image itself only if its digest was never seen before. Tasks without an image are not in the result.
 * @throws RegistryError
 */
export async function listRemoteImages(
  registry: Pick<Registry, 'image' | 'head' | 'tags' | 'mayPush'>,
  queries: readonly RemoteImageQuery[],
  memo: Pick<Memo, 'memoize' | 'save'>,
): Promise<Map<TaskId, { image: RemoteImage; passed: boolean }>> {
  const limit = pLimit({ concurrency: maxRequests, rejectOnClear: true });
  const repositories = new Set(queries.map(({ contentTag }) => repositoryOf(contentTag)));
  const present = new Set<string>();
  /** Repositories whose tags cannot be listed: all tags are looked up. */
  const unlisted = new Set<string>();
  await Promise.all(
    [...repositories].map((repository) =>
      limit(async () => {
        const tags = await listOrUndefined(registry, repository);
        if (tags === undefined) unlisted.add(repository);
        for (const tag of tags ?? []) present.add(`${repository}:${tag}`);
      }),
    ),
  );
  const digestOf = async (name: string): Promise<string | undefined> =>
    present.has(name) || unlisted.has(repositoryOf(name)) ? await registry.head(name) : undefined;
  const found = new Map<TaskId, { image: RemoteImage; passed: boolean }>();
  const query = async ({ id, contentTag, platform, passTag }: RemoteImageQuery): Promise<void> => {
    const digest = await digestOf(contentTag);
    if (digest === undefined) return;
    const image = await seenImage(registry, repositoryOf(contentTag), digest, platform, memo);
    if (image === undefined) return;
    const passed = passTag !== undefined && isPassOf(image, await digestOf(passTag));
    found.set(id, { image, passed });
  };
  await Promise.all(queries.map((each) => limit(() => query(each))));
  memo.save();
  return found;
}

/** What a digest stands for never changes, so it is remembered. */
async function seenImage(
  registry: Pick<Registry, 'image'>,
  repository: string,
  digest: string,
  platform: string,
  memo: Pick<Memo, 'memoize'>,
): Promise<RemoteImage | undefined> {
  const name = `${repository}@${digest}`;
  try {
    return await memo.memoize(`image ${platform} ${name}`, async () => {
      const image = await registry.image(name, platform);
      if (image === undefined) throw new NoImage();
      return image;
    });
  } catch (error) {
    if (error instanceof NoImage) return undefined;
    throw error;
  }
}

/** The tag was removed just now, or is for another platform: that is not remembered. */
class NoImage extends Error {}

/**
 * Returns the tags of a repository; undefined if the registry does not list them, although it may have the images. Registries deny
 * repositories that do not exist yet, but not to those who may create them.
 */
async function listOrUndefined(
  registry: Pick<Registry, 'tags' | 'mayPush'>,
  repository: string,
): Promise<readonly string[] | undefined> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await registry.tags(repository);
    } catch (error) {
      if (!(error instanceof RegistryError) || error.problem === 'unreachable') throw error;
      if (!isFirst || error.problem !== 'denied') return undefined;
      await registry.mayPush(repository);
    }
  }
}

function repositoryOf(tag: string): string {
  return tag.slice(0, tag.lastIndexOf(':'));
}
