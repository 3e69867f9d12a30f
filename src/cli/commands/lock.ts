import { dockerEngine } from '../../engine/docker.ts';
import { type ExitCode, TasksError } from '../../model/errors.ts';
import type { LockEntry } from '../../model/lock.ts';
import { RegistryError } from '../../model/registry.ts';
import { formatLock, lockFile, readLock, writeLock } from '../../observe/lock-file.ts';
import { observeAll } from '../../observe/observer.ts';
import { pinImage } from '../../registry/pin.ts';
import { alignColumns, pluralize } from '../../report/format.ts';
import type { CommonFlags } from '../flags.ts';
import type { Io } from '../io.ts';
import { type Pinning, pinAll, wantedPins } from '../pins.ts';
import { openLinked } from '../project.ts';
import { registryClientFor } from '../registries.ts';

export interface LockFlags extends CommonFlags {
  readonly update?: boolean;
}

/** `tasks lock`: pins the images from outside that the definitions use to digests, in `tasks/lock.json`. */
export async function lock(flags: LockFlags, io: Io): Promise<ExitCode> {
  const { root, graph, profile, observer } = await openLinked(flags, io);
  const before = readLock(root);
  const images = [...graph.tasks.values()].filter(({ kind }) => kind === 'image');
  const observations = await observeAll(images, observer);
  const unread = [...observations].flatMap(([id, observed]) =>
    observed.kind === 'problem' ? [`${id}: ${observed.detail}`] : [],
  );
  if (unread.length > 0)
    throw new TasksError(1, `not every task can be read, nothing was pinned\n${unread.join('\n')}`);
  const client = registryClientFor(io);
  const pinning = await pinAll(before, wantedPins(observations), {
    profile,
    update: flags.update === true,
    ask: ({ image, platform }) => pinImage(client, image, platform),
  });
  if (formatLock(pinning.lock) !== formatLock(before)) writeLock(root, pinning.lock);
  const failed = await explained(pinning.failed, io);
  if (flags.json) io.json({ ...asJson(pinning), failed });
  else for (const line of asText(pinning)) io.out(`${line}\n`);
  for (const { image, error, hint } of failed)
    io.err(`error: ${image} is not pinned: ${error}\n${hint === undefined ? '' : `hint: ${hint}\n`}`);
  if (failed.length === 0) return 0;
  return pinning.failed.every(({ error }) => error.exitCode === 3) && failed.every(({ isLocal }) => !isLocal)
    ? 3
    : 1;
}

interface Failure {
  readonly image: string;
  readonly platform: string;
  readonly error: string;
  readonly hint?: string;
  /** True: only the engine here has it. */
  readonly isLocal: boolean;
}

async function explained(failed: Pinning['failed'], io: Io): Promise<Failure[]> {
  if (failed.length === 0) return [];
  const local = await localTags(io);
  return failed.map(({ wanted, error }) => {
    const isGone = error instanceof RegistryError && ['missing', 'denied'].includes(error.problem);
    const { image } = wanted;
    if (isGone && (local.has(image) || local.has(`${image}:latest`)))
      return {
        ...wanted,
        error: `only the engine here has it (${error.message})`,
        hint: 'push it to a registry, or declare it as an image() and need that',
        isLocal: true,
      };
    return {
      ...wanted,
      error: error.message,
      ...(error.hint !== undefined ? { hint: error.hint } : {}),
      isLocal: false,
    };
  });
}

async function localTags(io: Io): Promise<ReadonlySet<string>> {
  try {
    return new Set((await dockerEngine(io.environment, io).images()).flatMap(({ tags }) => tags));
  } catch (error) {
    // Pinning needs no engine: it would only have known more.
    if (error instanceof TasksError) return new Set();
    throw error;
  }
}

function asJson({ lock: all, added, moved, dropped }: Pinning): object {
  const brief = ({ image, platform, digest, onbuild }: LockEntry): object => ({
    image,
    platform,
    digest,
    onbuild,
  });
  return {
    file: lockFile,
    pinned: all.size,
    added: added.map(brief),
    moved: moved.map(({ before, after }) => ({ ...brief(after), from: before.digest })),
    dropped: dropped.map(brief),
  };
}

function asText({ lock: all, added, moved, dropped }: Pinning): string[] {
  const short = (digest: string): string => `${digest.slice(0, 19)}…`;
  const rows = [
    ...added.map(({ image, platform, digest }) => [image, `${short(digest)} is new`, platform]),
    ...moved.map(({ before, after }) => [
      after.image,
      `${short(before.digest)} → ${short(after.digest)}`,
      after.platform,
    ]),
    ...dropped.map(({ image, platform }) => [image, 'dropped: nothing uses it', platform]),
  ];
  const head = rows.length === 0 ? ', nothing changed' : '';
  return [...alignColumns(rows), `${lockFile}: ${pluralize(all.size, 'image')} pinned${head}`];
}
