import path from 'node:path';
import { frontendKindOf } from '../../src/dockerfile/frontend.ts';
import { findStepLines } from '../../src/dockerfile/step-lines.ts';
import { openMemo } from '../../src/incremental/memo.ts';
import type { BuildRequest, ContextEntry, Progress } from '../../src/model/ports.ts';
import { includeAll, walk } from '../../src/observe/walk.ts';
import { tempFolder } from './temp.ts';

/** Drops what a build reports. */
export const silent: Progress = { step: () => undefined, line: () => undefined };

/** Returns a request for a build of a Dockerfile on this machine's platform. */
export function requestFor(
  context: readonly ContextEntry[],
  dockerfile: string,
  more: Partial<BuildRequest> = {},
): BuildRequest {
  return {
    task: 'x:1',
    context,
    dockerfile: {
      name: 'Dockerfile',
      text: Buffer.from(dockerfile),
      selectsFrontend: frontendKindOf(dockerfile) !== 'engine',
      linesOf: findStepLines(dockerfile),
    },
    namedImages: {},
    platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
    network: 'default',
    args: {},
    labels: {},
    noCache: false,
    secrets: {},
    ...more,
  };
}

/** Returns everything in a folder as a build context. */
export function contextOfFolder(folder: string): ContextEntry[] {
  const memo = openMemo(path.join(tempFolder(), 'memo'), (message) => {
    throw new Error(message);
  });
  return walk(folder, includeAll, memo).map((entry) => ({ entry, source: path.join(folder, entry.path) }));
}
