import fc from 'fast-check';
import { memoryEntry, type SentEntry } from '../../src/buildkit/context-entries.ts';

/** A tree: files as bytes, symlinks, pipes, and folders. */
export type Tree = { readonly [name: string]: TreeNode };
type TreeNode =
  | { readonly bytes: Uint8Array; readonly executable: boolean }
  | { readonly target: string }
  | 'fifo'
  | { readonly folder: Tree };

/** Names that sort differently by bytes, by UTF-16 units, and with `/`. */
const name = fc.oneof(
  fc.constantFrom(
    'a',
    'a-b',
    'a.b',
    'a b',
    'ab',
    'A',
    '.a',
    '\u00e4',
    '\uff01',
    '\u{1f600}',
    'a\\b',
    'a\nb',
    '__proto__',
  ),
  fc
    .string({ minLength: 1, maxLength: 5, unit: 'grapheme' })
    .filter((text) => !/[/\0]/.test(text) && text !== '.' && text !== '..'),
);

const { tree } = fc.letrec<{ tree: Tree; node: TreeNode }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'tree' },
    fc.record({ bytes: fc.uint8Array({ maxLength: 64 }), executable: fc.boolean() }),
    fc.record({ target: fc.constantFrom('a', '../a', '/etc/passwd', 'ä', '.') }),
    fc.constant('fifo' as const),
    fc.record({ folder: tie('tree') }),
  ),
  tree: fc
    .uniqueArray(fc.tuple(name, tie('node')), {
      selector: ([key]) => key,
      maxLength: 6,
      depthIdentifier: 'tree',
    })
    .map((pairs) => Object.fromEntries(pairs.map(([key, node]) => [` ${key}`, node])) as Tree),
}));

export const anyTree: fc.Arbitrary<Tree> = tree;

/** Returns the entries of a tree; its files are in memory. */
export function treeEntries(tree: Tree, prefix = ''): SentEntry[] {
  return Object.entries(tree).flatMap(([key, node]) => {
    // Keys start with a space, so that none is special to objects.
    const path = `${prefix}${key.slice(1)}`;
    if (node === 'fifo') return [{ entry: { path, type: 'fifo' }, source: '' } as const];
    if ('target' in node)
      return [{ entry: { path, type: 'link', target: node.target }, source: '' } as const];
    if ('folder' in node)
      return [{ entry: { path, type: 'dir' }, source: '' } as const, ...treeEntries(node.folder, `${path}/`)];
    const { entry, bytes } = memoryEntry(path, node.bytes);
    return [{ entry: { ...entry, executable: node.executable }, bytes }];
  });
}
