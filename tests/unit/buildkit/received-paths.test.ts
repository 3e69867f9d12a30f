import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeFolder } from '../../../src/buildkit/context-entries.ts';
import { makePathCheck } from '../../../src/buildkit/received-paths.ts';
import { makeValidator } from '../../support/fake-filesync.ts';
import { anyTree, treeEntries } from '../../support/random-trees.ts';

const test = suite('paths of a received tree');

/** Tells how many of these paths are accepted before one is refused. */
function accepted(
  check: (path: string, isFolder: boolean) => unknown,
  paths: readonly [string, boolean][],
): number {
  const refused = paths.findIndex(([path, isFolder]) => {
    try {
      check(path, isFolder);
      return false;
    } catch {
      return true;
    }
  });
  return refused < 0 ? paths.length : refused;
}

const ours = (): ((path: string, isFolder: boolean) => string) => {
  const check = makePathCheck();
  return (path, isFolder) => check(Buffer.from(path), isFolder);
};

test('what we send is accepted', () => {
  fc.assert(
    fc.property(anyTree, (tree) => {
      const paths = makeFolder(treeEntries(tree)).entries.map(
        ({ entry }) => [entry.path, entry.type === 'dir'] as [string, boolean],
      );
      assert.is(accepted(ours(), paths), paths.length);
    }),
  );
});

test('what fsutil refuses is refused, and nothing else but impossible names', () => {
  const name = fc.constantFrom('a', 'b', 'a.b', 'ä', '', '.', '..', 'c\0');
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
  const likely = fc.constantFrom('a', 'a/a', 'a/b', 'a/b/a', 'a.b', 'b', 'b/a', 'ä');
  const paths = fc.array(fc.tuple(fc.oneof({ weight: 5, arbitrary: likely }, path), fc.boolean()), {
    maxLength: 6,
  });
  const sorted = paths.map((all) => all.sort(([one], [other]) => (one < other ? -1 : 1)));
  fc.assert(
    fc.property(fc.oneof(paths, sorted), (all) => {
      // fsutil accepts `.` and NUL, and leaves it to the system to refuse them.
      const impossible = all.findIndex(([each]) => each === '.' || each === '' || each.includes('\0'));
      const limit = impossible < 0 ? all.length : impossible;
      assert.is(accepted(ours(), all), Math.min(limit, accepted(makeValidator(), all)));
    }),
    { numRuns: 2000 },
  );
});

test.run();
