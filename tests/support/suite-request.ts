// What the suites of builders and engines build.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { BuildRequest, ContextEntry } from '../../src/model/ports.ts';
import { contextOfFolder, requestFor } from './build-request.ts';
import { tempFolder } from './temp.ts';

/** Labels the images of this suite, so that they can be removed. */
export const testLabel = 'image-tasks.test-suite';
export const run = String(process.pid);
export const live = new AbortController().signal;

export type Files = Readonly<Record<string, string>>;

/**
 * Returns a build request with these files in a new folder. Its steps are those of this process alone: BuildKit runs equal steps of
 * builds at the same time once, even without its cache, and does not report them to each.
 */
export function suiteRequest(files: Files, more: Partial<BuildRequest> = {}): BuildRequest {
  const root = tempFolder();
  const context = path.join(root, 'context');
  for (const [file, text] of Object.entries({ 'a/b': `${run}\n`, ...files })) {
    if (file === 'Dockerfile') continue;
    mkdirSync(path.dirname(path.join(context, file)), { recursive: true });
    writeFileSync(path.join(context, file), text);
  }
  const text = files.Dockerfile ?? 'FROM scratch\nCOPY . /\n';
  return requestFor(contextOfFolder(context), text, { labels: { [testLabel]: run }, ...more });
}

/** Adds programs to the context of a request: their path in the context, and where they are. */
export function withPrograms(request: BuildRequest, programs: Files): BuildRequest {
  const added = Object.entries(programs).map(
    ([file, source]): ContextEntry => ({
      entry: {
        path: file,
        type: 'file',
        executable: true,
        size: readFileSync(source).length,
        digest: digestOf(source),
      },
      source,
    }),
  );
  const dirs = new Set(Object.keys(programs).map((file) => path.dirname(file)));
  const folders = [...dirs].map((dir): ContextEntry => ({ entry: { path: dir, type: 'dir' }, source: '' }));
  return { ...request, context: [...request.context, ...folders, ...added] };
}

/** Returns what a promise rejects with. */
export async function failure(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

export function digestOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
