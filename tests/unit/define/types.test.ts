import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image, matrix, project } from '../../../src/define/index.ts';
import { graphOf } from '../../support/graphs.ts';

// `npm run check:types` checks what the comments expect; the tests check that what compiles is accepted, too.

const test = suite('types of definitions');
const base = image({ name: 'base', versions: ['1', '2'], context: 'b' });
const cells = matrix(
  { pg: ['16', '17'], distro: ['bookworm', 'trixie'] },
  { version: (c) => `${c.pg}-${c.distro}`, exclude: (c) => c.pg === '16' && c.distro === 'trixie' },
);

test('functions get the version as a string, or the typed cell of a matrix', () => {
  const plain = image({
    name: 'plain',
    versions: ['1', '2'],
    context: (version) => `a/${version.toUpperCase()}`,
    needs: (version) => ({ BASE: base.at(version) }),
    dockerfile: (version) => ({ text: `FROM scratch\nLABEL v=${version}\n` }),
    aliases: (version) => (version === '2' ? ['latest'] : []),
    volatileLabels: { created: new Date().toISOString() },
  });
  const ofCells = image({
    name: 'cells',
    versions: cells,
    context: 'c',
    args: (c) => ({ PG: c.pg, ...(c.distro === 'trixie' && { NEW: 'yes' }) }),
    needs: { BASE: () => base.at('1') },
    target: (c) => (c.pg === '17' ? 'new' : undefined),
  });
  const files = command({
    name: 'files',
    versions: ['1'],
    run: (version) => ['make', version],
    needs: { base },
  });
  const made = graphOf({ base, plain, ofCells, files });
  assert.is(made.tasks.size, 2 + 2 + 3 + 1);
});

test('wrong fields and values are errors of types', () => {
  const wrong = (): unknown[] => [
    // @ts-expect-error: the context is required
    image({ name: 'a' }),
    // @ts-expect-error: no such field
    image({ name: 'a', context: 'a', argz: {} }),
    // @ts-expect-error: versions are strings
    image({ name: 'a', context: 'a', versions: [17] }),
    // @ts-expect-error: args are strings
    image({ name: 'a', context: 'a', args: { A: 1 } }),
    // @ts-expect-error: no such axis
    image({ name: 'a', context: 'a', versions: cells, args: (c) => ({ A: c.suite }) }),
    // @ts-expect-error: an axis has no such value
    image({ name: 'a', versions: cells, context: (c) => (c.pg === '15' ? 'x' : 'y') }),
    // @ts-expect-error: a need is a definition
    image({ name: 'a', context: 'a', needs: { BASE: 'base' } }),
    // @ts-expect-error: a command has no context
    command({ name: 'a', run: ['x'], context: 'a' }),
    // @ts-expect-error: a command has a program
    command({ name: 'a', run: [] }),
    // @ts-expect-error: a Dockerfile is a path or a text
    image({ name: 'a', context: 'a', dockerfile: { txt: '' } }),
    // @ts-expect-error: no such field
    project({ repository: 'a' }),
    // @ts-expect-error: the version of a cell is required
    matrix({ pg: ['1'] }, {}),
  ];
  assert.type(wrong, 'function');
});

test.run();
