import { suite } from 'uvu';
import { assertCachedKeysMatchFresh } from '../support/random-edits.ts';

const test = suite('e2e: remembered keys of commands');
const definitions = `import { command } from 'image-tasks';
import { n } from '../lib/n';
export const base = command({ name: 'base', versions: ['1', '2'], run: (v) => ['app/run', v, n], inputs: ['base/**'] });
export const app = command({ name: 'app', run: ['app/run', process.env.E ?? ''], inputs: ['app/**', 'inputs/*.txt'], env: ['F'], needs: { base: base.at('1') } });
`;

test('after random edits, remembered keys equal those of a fresh checkout', async () => {
  await assertCachedKeysMatchFresh(definitions, 25);
});

test.run();
