import { suite } from 'uvu';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { assertCachedKeysMatchFresh } from '../support/random-edits.ts';

const test = suite('remembered keys of images');
const label = `image-tasks.remembered-${process.pid}`;
const definitions = `import { image } from 'image-tasks';
import { n } from '../lib/n';
const labels = { '${label}': '1' };
export const base = image({ name: 'base', versions: ['1', '2'], context: 'base', args: (v) => ({ V: v, N: n }), labels });
export const app = image({ name: 'app', context: 'app', needs: { BASE: base.at('1') }, args: { E: process.env.E ?? '' }, labels });
`;

test('after any change between two runs, keys equal those of a fresh checkout', async () => {
  try {
    await assertCachedKeysMatchFresh(definitions, 15);
  } finally {
    await removeImages(await connectTestEngine(), label);
  }
});

test.run();
