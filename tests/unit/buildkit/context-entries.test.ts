import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeFolder, memoryEntry, type SentEntry, statOf } from '../../../src/buildkit/context-entries.ts';
import { makeDockerfileFolder } from '../../../src/buildkit/dockerfile-folder.ts';
import type { FileEntry } from '../../../src/model/observed.ts';
import { comparePath, makeValidator } from '../../support/fake-filesync.ts';
import { anyTree, treeEntries } from '../../support/random-trees.ts';

const test = suite('entries of a context');
const digest = 'a'.repeat(64);
const file = (path: string, changes: object = {}): SentEntry => ({
  entry: { path, type: 'file', executable: false, size: 1, digest, ...changes },
  source: '/unused',
});
const other = (entry: FileEntry): SentEntry => ({ entry, source: '' });
const pathsOf = (entries: readonly SentEntry[]): string[] => entries.map(({ entry }) => entry.path);

test('what is in a folder directly follows it, names go by bytes', () => {
  const dir = (path: string): SentEntry => other({ path, type: 'dir' });
  const entries = [
    file('a.b'),
    file('a/x'),
    file('a-b'),
    dir('a'),
    file('\u{1F600}'),
    file('\uFF01'),
    file('B'),
  ];
  assert.equal(pathsOf(makeFolder(entries).entries), ['B', 'a', 'a/x', 'a-b', 'a.b', '\uFF01', '\u{1F600}']);
});

test('fsutil accepts the order of any tree', () => {
  fc.assert(
    fc.property(anyTree, (tree) => {
      const { entries } = makeFolder(treeEntries(tree));
      const validate = makeValidator();
      for (const { entry } of entries) validate(entry.path, entry.type === 'dir');
      const paths = pathsOf(entries);
      assert.equal(paths, [...paths].sort(comparePath));
    }),
  );
});

test('the digest does not depend on the order or the source', () => {
  fc.assert(
    fc.property(
      anyTree.chain((tree) =>
        fc.tuple(
          fc.constant(tree),
          fc.shuffledSubarray(treeEntries(tree), { minLength: treeEntries(tree).length }),
        ),
      ),
      ([tree, shuffled]) => {
        assert.is(makeFolder(shuffled).digest, makeFolder(treeEntries(tree)).digest);
      },
    ),
  );
  const bytes = Buffer.from('text');
  const { entry } = memoryEntry('a', bytes);
  assert.is(makeFolder([memoryEntry('a', bytes)]).digest, makeFolder([{ entry, source: '/a' }]).digest);
});

test('different trees have different digests', () => {
  const canonical = (entries: readonly SentEntry[]): string =>
    JSON.stringify(makeFolder(entries).entries.map(({ entry }) => entry));
  fc.assert(
    fc.property(anyTree, anyTree, (one, two) => {
      const [a, b] = [treeEntries(one), treeEntries(two)];
      assert.is(makeFolder(a).digest === makeFolder(b).digest, canonical(a) === canonical(b));
    }),
  );
});

test('each property of an entry changes the digest', () => {
  const variants: SentEntry[][] = [
    [],
    [file('a')],
    [file('b')],
    [file('a', { executable: true })],
    [file('a', { digest: 'b'.repeat(64) })],
    [file('a'), file('b')],
    [other({ path: 'a', type: 'dir' })],
    [other({ path: 'a', type: 'fifo' })],
    [other({ path: 'a', type: 'link', target: 'x' })],
    [other({ path: 'a', type: 'link', target: 'y' })],
    [other({ path: 'a","dir"]\n["b', type: 'dir' })],
    [other({ path: 'a', type: 'dir' }), other({ path: 'b', type: 'dir' })],
  ];
  assert.is(new Set(variants.map((entries) => makeFolder(entries).digest)).size, variants.length);
});

test('a Stat has normalized permissions, owner 0 and the fixed time', () => {
  const nanoseconds = BigInt(Date.UTC(1980, 0, 2)) * 1_000_000n;
  const path = Buffer.from('a');
  const common = { path, modTime: nanoseconds };
  assert.equal(statOf(file('a').entry), { ...common, mode: 0o644, size: 1n });
  assert.equal(statOf(file('a', { executable: true }).entry), { ...common, mode: 0o755, size: 1n });
  assert.equal(statOf({ path: 'a', type: 'dir' }), { ...common, mode: 2 ** 31 + 0o755 });
  assert.equal(statOf({ path: 'a', type: 'fifo' }), { ...common, mode: 2 ** 25 + 0o644 });
  assert.equal(statOf({ path: 'a', type: 'link', target: 'ä' }), {
    ...common,
    mode: 2 ** 27 + 0o777,
    linkname: Buffer.from('ä'),
    size: 2n,
  });
});

test('the folder of a Dockerfile is named by the name and the text, and has an ignore file that is not empty', () => {
  const one = makeDockerfileFolder('Dockerfile', Buffer.from('FROM a\n'));
  const same = makeDockerfileFolder('Dockerfile', Buffer.from('FROM a\n'));
  const equalLength = makeDockerfileFolder('Dockerfile', Buffer.from('FROM b\n'));
  assert.match(one.key, /^dockerfile-[0-9a-f]{32}$/);
  assert.is(one.key, same.key);
  assert.is.not(one.key, equalLength.key);
  assert.is.not(one.key, makeDockerfileFolder('app.Dockerfile', Buffer.from('FROM a\n')).key);
  assert.equal(pathsOf(one.folder.entries), ['Dockerfile', 'Dockerfile.dockerignore']);
  const ignore = one.folder.entries[1]!;
  assert.match(Buffer.from('bytes' in ignore ? ignore.bytes : '').toString(), /^# .*\n$/);
});

test.run();
