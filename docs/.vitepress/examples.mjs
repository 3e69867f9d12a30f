import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the examples, next to that of the site. */
export const examplesFolder = fileURLToPath(new URL('../../examples', import.meta.url));

/** The examples in the order of their list. */
export const exampleNames = [
  ...readFileSync(path.join(examplesFolder, 'README.md'), 'utf8').matchAll(/^\| \[(.*?)\]\(\1\) \|/gm),
].map(([, name]) => name);

/** The title of an example's page. */
export function exampleTitle(name) {
  return readFileSync(path.join(examplesFolder, name, 'README.md'), 'utf8')
    .split('\n', 1)[0]
    .replace(/^# /, '');
}
