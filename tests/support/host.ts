import path from 'node:path';
import { dockerConnections, type Host } from '../../src/app/host.ts';
import type { Notice } from '../../src/app/notices.ts';
import type { Environment } from '../../src/model/environment.ts';

/** A host for use cases in this process, with real connections. Collects notices. */
export function makeHost({
  environment = {},
  now = () => new Date(),
}: {
  readonly environment?: Environment;
  readonly now?: () => Date;
} = {}): Host & { readonly notices: readonly Notice[] } {
  const notices: Notice[] = [];
  const reaper = path.resolve('dist/reaper.js');
  return {
    environment,
    clock: { now, sleep: () => Promise.reject(new Error('no time passes in this test')) },
    program: {
      id: 'test',
      pageFolder: path.resolve('dist/page'),
      typesFile: path.resolve('types/image-tasks.d.ts'),
      reaper,
      loadModule: (url) => import(url),
    },
    connections: dockerConnections(environment, {
      reaper,
      warn: (message) => notices.push({ kind: 'warning', message }),
    }),
    notify: (notice) => notices.push(notice),
    notices,
  };
}
