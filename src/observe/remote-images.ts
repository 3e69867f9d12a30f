import pLimit from 'p-limit';
import type { Registry, RemoteImage } from '../model/registry.ts';
import type { TaskId } from '../model/task.ts';

/** Where a task's image and its test's pass would be in a registry. */
export interface RemoteImageQuery {
  readonly id: TaskId;
  /** Its content tag, `repo/name:version-k…`. */
  readonly name: string;
  readonly platform: string;
  /** The tag of its test's pass, where it has a test. */
  readonly pass?: string;
}

/** How many requests are under way at once: enough to hide their latency, too few to be taken for an attack. */
const requests = 8;

/** What a registry has of tasks: two small requests for an image, one more for a test. @throws RegistryError */
export async function queryRemoteImages(
  registry: Pick<Registry, 'image' | 'head'>,
  places: readonly RemoteImageQuery[],
): Promise<Map<TaskId, { image: RemoteImage; passed: boolean }>> {
  const limit = pLimit({ concurrency: requests, rejectOnClear: true });
  const seen = new Map<TaskId, { image: RemoteImage; passed: boolean }>();
  const look = async ({ id, name, platform, pass }: RemoteImageQuery): Promise<void> => {
    const image = await registry.image(name, platform);
    if (image === undefined) return;
    const passed = pass !== undefined && (await registry.head(pass)) === image.digest;
    seen.set(id, { image, passed });
  };
  const [first, ...others] = places;
  // One that is out of reach is asked once, not a thousand times.
  if (first !== undefined) await look(first);
  await Promise.all(others.map((place) => limit(() => look(place))));
  return seen;
}
