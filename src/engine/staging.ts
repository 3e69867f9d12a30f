import { randomUUID } from 'node:crypto';
import { chmod, copyFile, lutimes, mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type BuildRequest, StepFailed } from '../model/ports.ts';
import { contextTime, digestOf, readChecked } from './context.ts';

/**
 * Lays a build context out on disk, for a Dockerfile that is not part of it: in a tar stream the Dockerfile would have to
 * be an entry, and `COPY .` would take it into the image. The folder's own name is new for each build: by that name alone
 * buildx knows which earlier context to compare with, by path, size and time (moby/buildkit#4950). Returns the paths of the
 * context and the Dockerfile.
 * @throws StepFailed where a file is not what was hashed
 */
export async function stageContext(request: BuildRequest): Promise<{ context: string; dockerfile: string }> {
  const context = path.join(request.work, randomUUID());
  const dockerfile = path.join(request.work, 'Dockerfile');
  await mkdir(context, { recursive: true });
  for (const { entry, source } of request.context) {
    const target = path.join(context, entry.path);
    if (entry.type === 'dir') await mkdir(target, { recursive: true, mode: 0o755 });
    else if (entry.type === 'link') await symlink(entry.target, target);
    else if (entry.type === 'fifo') {
      throw new StepFailed(
        `${source} is a pipe; with a Dockerfile outside of the context it cannot be sent. Ignore it in .dockerignore`,
      );
    } else await copyChecked(source, target, entry.digest, entry.executable ? 0o755 : 0o644);
  }
  await stampAll(request, context);
  const { source, digest, rewrite } = request.dockerfile;
  if (rewrite === undefined) await copyChecked(source, dockerfile, digest, 0o644);
  else await writeFile(dockerfile, await rewrite(readChecked(source, digest)));
  // Beats any .dockerignore in the context: what is ignored was left out already, by the right file.
  await writeFile(`${dockerfile}.dockerignore`, '');
  return { context, dockerfile };
}

async function copyChecked(source: string, target: string, digest: string, mode: number): Promise<void> {
  await copyFile(source, target);
  await chmod(target, mode);
  if ((await digestOf(target)) !== digest)
    throw new StepFailed(`${source} changed while the task was running; run again`);
}

/** Children before parents: writing into a folder changes its time. */
async function stampAll(request: BuildRequest, context: string): Promise<void> {
  for (const { entry } of [...request.context].reverse()) {
    const target = path.join(context, entry.path);
    if (entry.type === 'link') await lutimes(target, contextTime, contextTime);
    else {
      if (entry.type === 'dir') await chmod(target, 0o755);
      await utimes(target, contextTime, contextTime);
    }
  }
}
