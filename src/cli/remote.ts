import type { Memo } from '../incremental/memo.ts';
import type { TaskKey } from '../key/compute-keys.ts';
import { RegistryError } from '../model/registry.ts';
import { makesFiles, type Task, type TaskId } from '../model/task.ts';
import { observeTest } from '../observe/image-test.ts';
import { queryRemoteImages, type RemoteImageQuery } from '../observe/remote-images.ts';
import type { RemoteResult } from '../plan/existing.ts';
import { type Naming, registryTag, testPassTag } from '../plan/refs.ts';
import { type CommonFlags, isCi } from './flags.ts';
import type { Io } from './io.ts';

/** Where the images of tasks would be in the registry, and the passes of those that are to be tested. */
export function remotePlaces(
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
    return [
      {
        id: task.id,
        name,
        platform: task.platform,
        ...(test ? { pass: testPassTag(name, test.digest) } : {}),
      },
    ];
  });
}

/** True where a build looks into the registry: then it can do without an engine until something has to be built. */
export function asksRegistry(flags: CommonFlags, io: Io): boolean {
  return flags.fromRegistry ?? isCi(io);
}

/** Long enough for a registry that is there: one that is not must not hold up a build that can do without. */
export const patience = { tries: 2, timeoutMs: 10_000 };

/**
 * What the registry has, for a build that asks it (`asksRegistry`), where a repository is named. A registry that does not answer costs time, nothing else: it is said once, and counts as empty.
 */
export async function glance(
  places: readonly RemoteImageQuery[],
  flags: CommonFlags,
  io: Io,
  repo: string | undefined,
): Promise<ReadonlyMap<TaskId, RemoteResult>> {
  if (places.length === 0) return new Map();
  if (repo === undefined) {
    if (flags.fromRegistry) io.err('warning: --from-registry without a repository: see --repo\n');
    return new Map();
  }
  const { registryFor } = await import('./registries.ts');
  try {
    return await queryRemoteImages(registryFor(io, patience), places);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    io.err(`${error.message}: its images count as not there\n`);
    return new Map();
  }
}
