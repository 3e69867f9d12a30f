import pLimit from 'p-limit';
import type { Registry, RemoteImage } from '../model/registry.ts';
import type { TaskId } from '../model/task.ts';

/** The tags of a task's image and of its passed test in a registry. */
export interface RemoteImageQuery {
  readonly id: TaskId;
  /** The content tag, `repo/name:version-k…`. */
  readonly contentTag: string;
  readonly platform: string;
  /** The tag that records that the test passed; undefined for a task without a test. */
  readonly passTag?: string;
}

/** The number of concurrent requests: enough to hide latency, few enough to stay below rate limits. */
const maxRequests = 8;

/**
 * Queries a registry for the images of tasks, and whether their tests passed. Tasks without an image are not in the result.
 * Sends two small requests per image and one more per test.
 * @throws RegistryError
 */
export async function queryRemoteImages(
  registry: Pick<Registry, 'image' | 'head'>,
  queries: readonly RemoteImageQuery[],
): Promise<Map<TaskId, { image: RemoteImage; passed: boolean }>> {
  const limit = pLimit({ concurrency: maxRequests, rejectOnClear: true });
  const found = new Map<TaskId, { image: RemoteImage; passed: boolean }>();
  const query = async ({ id, contentTag, platform, passTag }: RemoteImageQuery): Promise<void> => {
    const image = await registry.image(contentTag, platform);
    if (image === undefined) return;
    const passed = passTag !== undefined && isPassOf(image, await registry.head(passTag));
    found.set(id, { image, passed });
  };
  const [first, ...others] = queries;
  // Send one query first: if the registry is unreachable, it fails once and not a thousand times.
  if (first !== undefined) await query(first);
  await Promise.all(others.map((other) => limit(() => query(other))));
  return found;
}

/** Returns whether a pass tag is of an image: `digest` is what it points to. Beside attestations, the test may have seen the image alone. */
export function isPassOf(image: RemoteImage, digest: string | undefined): boolean {
  return digest === image.digest || digest === image.manifest.digest;
}
