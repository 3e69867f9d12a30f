import { lstatSync, mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fixedMtime, makeFolder, memoryEntry, statOf } from '../../../src/buildkit/context-entries.ts';
import { receiveFiles } from '../../../src/buildkit/receive-files.ts';
import { sendFiles } from '../../../src/buildkit/send-files.ts';
import { fakeCall, KeptFolders, receiveAsEngine } from '../../support/fake-filesync.ts';
import { anyTree, type Tree, treeEntries } from '../../support/random-trees.ts';
import { namesBelow, tempFolder } from '../../support/temp.ts';

const test = suite('file transfer, both ends');
const live = new AbortController().signal;

/** What a tree is after it was sent, and what a folder on disk is, in the same form. */
function expected(tree: Tree): Record<string, unknown> {
  return Object.fromEntries(
    treeEntries(tree).map((sent) => {
      const { mode = 0 } = statOf(sent.entry);
      const content = 'bytes' in sent ? Buffer.from(sent.bytes).toString('hex') : undefined;
      const target = sent.entry.type === 'link' ? sent.entry.target : undefined;
      return [sent.entry.path, { mode: mode & 0o777, content, target, type: sent.entry.type }];
    }),
  );
}

function found(folder: string): Record<string, unknown> {
  const names = namesBelow(folder);
  return Object.fromEntries(
    names.map((name) => {
      const full = path.join(folder, name);
      const stats = lstatSync(full);
      assert.is(stats.mtimeMs, fixedMtime.getTime(), name);
      const type = stats.isDirectory() ? 'dir' : stats.isFIFO() ? 'fifo' : stats.isFile() ? 'file' : 'link';
      const content = type === 'file' ? readFileSync(full).toString('hex') : undefined;
      return [
        name,
        { mode: stats.mode & 0o777, content, target: type === 'link' ? readlinkSync(full) : undefined, type },
      ];
    }),
  );
}

test('any tree arrives as it was sent', async () => {
  const root = tempFolder();
  let count = 0;
  await fc.assert(
    fc.asyncProperty(anyTree, fc.integer({ min: 1, max: 10 }), async (tree, capacity) => {
      const folder = path.join(root, `${count++}`);
      mkdirSync(folder);
      const { client, engine } = fakeCall(capacity);
      const [sent, received] = await Promise.all([
        sendFiles(client, makeFolder(treeEntries(tree)).entries, live),
        receiveFiles(engine, folder, live),
      ]);
      assert.equal(sent, received);
      assert.equal(found(folder), expected(tree));
    }),
    { numRuns: 60 },
  );
});

test('under the digest of its content, an engine never takes one tree for another', async () => {
  const kept = new Map<string, Awaited<ReturnType<typeof receiveAsEngine>>>();
  const text = (folder: Awaited<ReturnType<typeof receiveAsEngine>>): Record<string, string> =>
    Object.fromEntries([...folder].map(([name, { content }]) => [name, content.toString('hex')]));
  await fc.assert(
    // Few names, few sizes: equal paths, sizes and times with other contents are frequent.
    fc.asyncProperty(fc.array(fc.constantFrom('x', 'y', 'xx', 'yy'), { maxLength: 3 }), async (texts) => {
      const tree: Tree = Object.fromEntries(
        texts.map((each, n) => [` ${n}`, { bytes: Buffer.from(each), executable: false }]),
      );
      const { entries, digest } = makeFolder(treeEntries(tree));
      const { client, engine } = fakeCall();
      const [snapshot] = await Promise.all([
        receiveAsEngine(engine, kept.get(digest)),
        sendFiles(client, entries, live),
      ]);
      kept.set(digest, snapshot);
      const contents = Object.fromEntries(
        texts.map((each, n) => [`${n}`, Buffer.from(each).toString('hex')]),
      );
      assert.equal(text(snapshot), contents);
    }),
    { numRuns: 200 },
  );
});

test('builds at the same time are each sent everything; the next ones, after any mishap, only what is missing', async () => {
  const folders = new KeptFolders();
  const { entries, digest } = makeFolder([memoryEntry('a', Buffer.from('text'))]);
  const transfer = async (spoilt = false) => {
    const use = folders.use(digest);
    const { client, engine } = fakeCall();
    const bad = { entry: entries[0]!.entry, source: '/dev/null' };
    const [received, sent] = await Promise.allSettled([
      receiveAsEngine(engine, use.kept),
      sendFiles(client, spoilt ? [bad] : entries, live),
    ]);
    if (received.status === 'fulfilled') use.commit(received.value);
    return { use, bytes: sent.status === 'fulfilled' ? sent.value.bytes : undefined };
  };
  const spoilt = await transfer(true);
  assert.is(spoilt.bytes, undefined);
  spoilt.use.release();
  const [one, two] = [await transfer(), await transfer()];
  assert.equal([one.bytes, two.bytes], [4, 4]);
  one.use.release();
  two.use.release();
  const [three, four] = [await transfer(), await transfer()];
  assert.equal([three.bytes, four.bytes], [0, 0]);
});

test.run();
