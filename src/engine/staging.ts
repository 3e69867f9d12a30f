import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fchmodSync,
  futimesSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { BuildRequest, ContextEntry } from '../model/ports.ts';
import { fixedMtime, normalizedMode } from './archive.ts';
import { readVerifiedBytes, readVerifiedChunks, readVerifiedText } from './verified-read.ts';

/** Milliseconds of work between two chances for others: the screen, and builds that end. */
const turn = 8;

/**
 * Lays a build's context and Dockerfile out on disk: exactly the given entries, one time, modes 644 and 755, each file
 * compared with what was hashed while it is copied. Both stand in folders whose own names are new for each build: by that name
 * alone buildx knows what it had earlier to compare with, by path, size and time (moby/buildkit#4950). Returns both paths.
 * @throws StepFailed where a file is not what was hashed; the signal's reason
 */
export async function stageBuild(
  request: BuildRequest,
  signal: AbortSignal,
): Promise<{ context: string; dockerfile: string }> {
  const [context, beside] = [newFolder(request.work), newFolder(request.work)];
  const pause = makePause(signal);
  for (const each of request.context) {
    await pause();
    await stage(each, path.join(context, each.entry.path), pause);
  }
  settleFolders(request.context, context);
  const { source, digest, rewrite } = request.dockerfile;
  // Under its own name: messages tell it.
  const dockerfile = path.join(beside, path.basename(source));
  const content =
    rewrite === undefined
      ? readVerifiedBytes(source, digest)
      : await rewrite(readVerifiedText(source, digest));
  writeFileSync(dockerfile, content);
  // Beats any .dockerignore in the context: what is ignored was left out already, by the right file.
  writeFileSync(`${dockerfile}.dockerignore`, '');
  return { context, dockerfile };
}

function newFolder(parent: string): string {
  const folder = path.join(parent, randomUUID());
  mkdirSync(folder);
  return folder;
}

type Pause = () => Promise<void> | undefined;

function makePause(signal: AbortSignal): Pause {
  let since = performance.now();
  const rest = async (): Promise<void> => {
    await setImmediate();
    signal.throwIfAborted();
    since = performance.now();
  };
  return () => (performance.now() - since < turn ? undefined : rest());
}

async function stage({ entry, source }: ContextEntry, target: string, pause: Pause): Promise<void> {
  switch (entry.type) {
    case 'dir':
      mkdirSync(target, { recursive: true });
      return;
    case 'link':
      symlinkSync(entry.target, target);
      lutimesSync(target, fixedMtime, fixedMtime);
      return;
    case 'fifo':
      await makePipe(target);
      utimesSync(target, fixedMtime, fixedMtime);
      return;
    case 'file': {
      const file = openSync(target, 'wx');
      try {
        for (const piece of readVerifiedChunks(source, entry)) {
          writeFileSync(file, piece);
          await pause();
        }
        fchmodSync(file, normalizedMode(entry));
        futimesSync(file, fixedMtime, fixedMtime);
      } finally {
        closeSync(file);
      }
    }
  }
}

/** Node cannot make one. */
async function makePipe(target: string): Promise<void> {
  const { execa } = await import('execa');
  await execa('mkfifo', ['-m', '644', target]);
}

/** Children before parents: writing into a folder changes its time. */
function settleFolders(entries: readonly ContextEntry[], context: string): void {
  for (const { entry } of [...entries].reverse()) {
    if (entry.type !== 'dir') continue;
    const folder = path.join(context, entry.path);
    chmodSync(folder, normalizedMode(entry));
    utimesSync(folder, fixedMtime, fixedMtime);
  }
}
