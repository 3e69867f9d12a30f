import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import type { Engine } from '../../src/model/ports.ts';
import type { Credentials } from '../../src/model/registry.ts';
import { contextOfFolder, requestFor, silent } from './build-request.ts';
import { tempFolder } from './temp.ts';

/**
 * Builds a frontend image (Node and `frontend.mjs`, 100 MB) and pushes it, for syntax lines of tests. The engine keeps it under
 * this reference, too.
 */
export async function pushFrontend(
  engine: Engine,
  reference: string,
  label: string,
  credentials?: Credentials,
): Promise<void> {
  const root = tempFolder();
  const add = (file: string, name: string): void => {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    copyFileSync(realpathSync(file), path.join(root, name));
  };
  add(process.execPath, 'node');
  const libraries = execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  for (const library of libraries) add(library, library.slice(1));
  add('tests/support/frontend.mjs', 'frontend.mjs');
  const text =
    'FROM scratch\nCOPY . /\nLABEL moby.buildkit.frontend.network.none=true\nENTRYPOINT ["/node", "/frontend.mjs"]\n';
  const live = new AbortController().signal;
  const request = requestFor(contextOfFolder(root), text, { labels: { [label]: '1' } });
  const image = await engine.build(request, silent, live);
  await engine.tag(image!.imageId, reference);
  await engine.push(reference, credentials, silent, live);
}
