import type { Memo } from '../incremental/memo.ts';
import type { TaskKey } from '../key/compute-keys.ts';
import { RegistryError } from '../model/registry.ts';
import { makesFiles, type Task, type TaskId } from '../model/task.ts';
import { observeTest } from '../observe/image-test.ts';
import { queryRemoteImages, type RemoteImageQuery } from '../observe/remote-images.ts';
import type { RemoteResult } from '../plan/existing.ts';
import { type Naming, registryTag, testPassTag } from '../plan/refs.ts';
import { briefRequests, type Host } from './host.ts';
import type { Notify } from './notices.ts';

/** Returns what to ask the registry: the images of these tasks, and for tasks that are to be tested their test passes. */
export function remoteImageQueries(
  tasks: readonly Task[],
  keyed: ReadonlyMap<TaskId, TaskKey>,
  naming: Naming,
  { tested, root, memo }: { tested: ReadonlySet<TaskId>; root: string; memo: Memo },
): RemoteImageQuery[] {
  return tasks.flatMap((task): RemoteImageQuery[] => {
    const key = keyed.get(task.id)?.key;
    if (task.kind !== 'image' || makesFiles(task) || key === undefined) return [];
    const name = registryTag(task, key, naming);
    const test = tested.has(task.id) ? observeTest(task, root, memo) : undefined;
    const query: RemoteImageQuery = { id: task.id, contentTag: name, platform: task.platform };
    return [test === undefined ? query : { ...query, passTag: testPassTag(name, test.digest) }];
  });
}

/**
 * Asks the registry, for a build that can do without its answer. `repo`: undefined if none is named. A registry that does
 * not answer counts as empty, and is reported once.
 */
export async function queryIfReachable(
  queries: readonly RemoteImageQuery[],
  repo: string | undefined,
  { connections, notify }: Host,
  signal: AbortSignal,
): Promise<ReadonlyMap<TaskId, RemoteResult>> {
  if (queries.length === 0) return new Map();
  if (repo === undefined) {
    notify({ kind: 'no-repository' });
    return new Map();
  }
  return await withRegistry(false, notify, async () =>
    queryRemoteImages(await connections.registry(signal, briefRequests), queries),
  );
}

/** Asks a registry. One that does not answer counts as empty and is reported, unless it is required. @throws RegistryError */
export async function withRegistry(
  isRequired: boolean,
  notify: Notify,
  query: () => Promise<ReadonlyMap<TaskId, RemoteResult>>,
): Promise<ReadonlyMap<TaskId, RemoteResult>> {
  try {
    return await query();
  } catch (error) {
    if (isRequired || !(error instanceof RegistryError)) throw error;
    notify({ kind: 'registry-unavailable', message: error.message });
    return new Map();
  }
}
