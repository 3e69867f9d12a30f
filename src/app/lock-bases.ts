import { TasksError } from '../model/errors.ts';
import { RegistryError } from '../model/registry.ts';
import { formatLock, lockFile, readLock, writeLock } from '../observe/lock-file.ts';
import { observeAll } from '../observe/observer.ts';
import { pinImage } from '../registry/pin.ts';
import type { Host } from './host.ts';
import { linkProject } from './link-project.ts';
import type { OpenProject } from './open-project.ts';
import type { NameOptions } from './options.ts';
import { type PinFailure, type PinResult, pinImages, usedImages } from './pin-images.ts';
import { withPlaces } from './with-places.ts';

/** An external image that could not be pinned. */
export interface UnpinnedImage {
  readonly image: string;
  readonly platform: string;
  readonly error: TasksError;
  /** Whether only the engine here has it. */
  readonly isLocal: boolean;
}

export interface LockResult extends Omit<PinResult, 'failed'> {
  /** The lock file, relative to the root. */
  readonly file: string;
  readonly failed: readonly UnpinnedImage[];
}

/**
 * Pins the external images that the definitions use to digests, in `tasks/lock.json`. `update`: also images that are pinned.
 * @throws TasksError with exit code 1 if not every task can be read
 */
export async function lockBases(
  open: OpenProject,
  {
    names,
    update,
    signal,
  }: { readonly names: NameOptions; readonly update: boolean; readonly signal: AbortSignal },
  host: Host,
): Promise<LockResult> {
  const { root, graph, profile, observer } = await linkProject(open, names, host, signal);
  const before = readLock(root);
  const images = [...graph.tasks.values()].filter(({ kind }) => kind === 'image');
  const observations = await withPlaces(open, () => observeAll(images, observer));
  const unread = [...observations].flatMap(([id, observed]) =>
    observed.kind === 'problem' ? [`${id}: ${observed.detail}`] : [],
  );
  if (unread.length > 0)
    throw new TasksError(1, `some tasks cannot be read; nothing was pinned\n${unread.join('\n')}`);
  const client = await host.connections.registryClient(signal);
  const pinned = await pinImages(before, usedImages(observations), {
    profile,
    update,
    resolve: ({ image, platform }) => pinImage(client, image, platform),
  });
  if (formatLock(pinned.lock) !== formatLock(before)) writeLock(root, pinned.lock);
  return { ...pinned, file: lockFile, failed: await explainFailures(pinned.failed, host, signal) };
}

async function explainFailures(
  failed: readonly PinFailure[],
  host: Host,
  signal: AbortSignal,
): Promise<UnpinnedImage[]> {
  if (failed.length === 0) return [];
  const local = await localTags(host, signal);
  return failed.map(({ used, error }) => {
    const isMissing = error instanceof RegistryError && ['missing', 'denied'].includes(error.problem);
    const isLocal = isMissing && (local.has(used.image) || local.has(`${used.image}:latest`));
    if (!isLocal) return { ...used, error, isLocal };
    const only = new TasksError(error.exitCode, `only the engine here has it (${error.message})`, {
      hint: 'push it to a registry, or declare it as an image() and need that',
    });
    return { ...used, error: only, isLocal };
  });
}

async function localTags({ connections }: Host, signal: AbortSignal): Promise<ReadonlySet<string>> {
  try {
    return new Set((await connections.engine(signal).images()).flatMap(({ tags }) => tags));
  } catch (error) {
    // Pinning needs no engine: it only makes the error clearer.
    if (error instanceof TasksError) return new Set();
    throw error;
  }
}
