import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PacketInit } from '../../../src/buildkit/packets.ts';
import { type Packet, Packet_PacketType as PacketType } from '../../../src/buildkit/proto/transfer_pb.js';
import { receiveFiles } from '../../../src/buildkit/receive-files.ts';
import { TransferError, type TransferFailure } from '../../../src/buildkit/transfer-error.ts';
import { type ExportedEntry, exportAsEngine, exported, fakeCall } from '../../support/fake-filesync.ts';
import { namesBelow, tempFolder } from '../../support/temp.ts';

const test = suite('receiving files');
const [stat, data] = [PacketType.PACKET_STAT, PacketType.PACKET_DATA];
const live = new AbortController().signal;
const [dir, link, device, pipe, character] = [2 ** 31, 2 ** 27, 2 ** 26, 2 ** 25, 2 ** 21];
const [socket, setuid, setgid, sticky, irregular] = [2 ** 24, 2 ** 23, 2 ** 22, 2 ** 20, 2 ** 19];

/** An empty folder with files beside it that nothing may touch. */
function target(): { folder: string; outside: () => Record<string, string> } {
  const root = tempFolder();
  const folder = path.join(root, 'out');
  mkdirSync(folder);
  mkdirSync(path.join(root, 'victim'));
  writeFileSync(path.join(root, 'victim/file'), 'untouched');
  const outside = (): Record<string, string> =>
    Object.fromEntries(
      namesBelow(root)
        .filter((name) => !name.startsWith('out') && !lstatSync(path.join(root, name)).isDirectory())
        .map((name) => [name, readFileSync(path.join(root, name), 'utf8')]),
    );
  return { folder, outside };
}

/** A folder's entries: permissions, and the content of a file, `-> target` of a symlink, or the type. */
function listing(folder: string): Record<string, string> {
  const names = namesBelow(folder).sort();
  return Object.fromEntries(
    names.map((name) => {
      const full = path.join(folder, name);
      const stats = lstatSync(full);
      const permissions = (stats.mode & 0o7777).toString(8);
      if (stats.isSymbolicLink()) return [name, `-> ${readlinkSync(full)}`];
      if (stats.isDirectory()) return [name, `${permissions} folder`];
      if (stats.isFIFO()) return [name, `${permissions} pipe`];
      return [name, `${permissions} ${readFileSync(full, 'utf8')}`];
    }),
  );
}

async function receive(entries: readonly ExportedEntry[], folder: string) {
  const { client, engine } = fakeCall();
  const [totals, told] = await Promise.all([
    receiveFiles(client, folder, live),
    exportAsEngine(engine, entries),
  ]);
  assert.is(told, undefined);
  return totals;
}

test('a tree has the types, permissions and times that docker build --output gives it', async () => {
  const { folder } = target();
  const totals = await receive(
    [
      exported('a/', '', dir + 0o750),
      exported('a/empty', '', 0o600),
      exported('a/file', 'text', 0o444),
      exported('a/link', { link: '../../../etc/passwd' }),
      exported('a.b', 'program', 0o755),
      exported('closed/', '', dir + 0o500),
      exported('closed/inner', 'x', 0),
      exported('dangling', { link: 'nowhere' }),
      exported('pipe', '', pipe + 0o640),
      exported('tmp/', '', dir + sticky + 0o777),
      exported('ünï', 'ä'),
    ],
    folder,
  );
  assert.equal(listing(folder), {
    a: '750 folder',
    'a.b': '755 program',
    'a/empty': '600 ',
    'a/file': '444 text',
    'a/link': '-> ../../../etc/passwd',
    closed: '500 folder',
    'closed/inner': '0 x',
    dangling: '-> nowhere',
    pipe: '640 pipe',
    tmp: '1777 folder',
    ünï: '644 ä',
  });
  for (const name of ['a', 'a/file', 'a/link', 'closed', 'dangling', 'pipe'])
    assert.is(lstatSync(path.join(folder, name)).mtimeMs, 1_500_000_000_000, name);
  assert.equal(totals, { files: 5, bytes: 14 });
});

test('an empty result is an empty folder', async () => {
  const { folder } = target();
  assert.equal(await receive([], folder), { files: 0, bytes: 0 });
  assert.equal(listing(folder), {});
});

test('setuid and setgid are left out, since the files belong to the user', async () => {
  const { folder } = target();
  await receive(
    [exported('g/', '', dir + setgid + 0o775), exported('u', 'x', setuid + setgid + 0o755)],
    folder,
  );
  assert.equal(listing(folder), { g: '775 folder', u: '755 x' });
});

test('hard links are links to the file of the result, also before it is complete', async () => {
  const { folder } = target();
  const hard = (name: string, existing: string): ExportedEntry => ({
    stat: { ...exported(name).stat, linkname: Buffer.from(existing), size: 0n },
  });
  await receive(
    [exported('a', 'x'.repeat(100_000)), exported('b/'), hard('b/c', 'a'), hard('d', 'a')],
    folder,
  );
  const inodes = ['a', 'b/c', 'd'].map((name) => statSync(path.join(folder, name)).ino);
  assert.is(new Set(inodes).size, 1);
  assert.is(readFileSync(path.join(folder, 'd')).length, 100_000);
});

test('large files and many files arrive whole', async () => {
  const { folder } = target();
  const contentOf = (n: number): string => `${n}`.repeat(n === 7 ? 1_000_000 : n);
  const nameOf = (n: number): string => `f${String(n).padStart(3, '0')}`;
  const numbers = Array.from({ length: 500 }, (_, n) => n);
  const totals = await receive(
    numbers.map((n) => exported(nameOf(n), contentOf(n))),
    folder,
  );
  assert.is(totals.files, 500);
  for (const n of numbers) assert.is(readFileSync(path.join(folder, nameOf(n)), 'utf8'), contentOf(n));
});

test('64 files are requested at once; the next when one is complete', async () => {
  const { folder } = target();
  const { client, engine, destroy } = fakeCall(1000);
  const receiving = assertFails(receiveFiles(client, folder, live));
  const requests: number[] = [];
  const reading = (async () => {
    for await (const { ID } of engine.receive()) requests.push(ID);
  })();
  reading.catch(() => {});
  for (let n = 0; n < 100; n++)
    await engine.send({ type: stat, stat: exported(`f${String(n).padStart(3, '0')}`).stat });
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  assert.equal(
    requests,
    Array.from({ length: 64 }, (_, n) => n),
  );
  await engine.send({ type: data, ID: 5 });
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  assert.is(requests.at(-1), 64);
  assert.is(requests.length, 65);
  destroy(new Error('enough'));
  assert.is((await receiving).message, 'enough');
});

test('only an empty folder is written to', async () => {
  const { folder } = target();
  const { client } = fakeCall();
  for (const wrong of [
    path.dirname(folder),
    path.join(folder, 'missing'),
    path.join(path.dirname(folder), 'victim/file'),
  ])
    await assertFails(receiveFiles(client, wrong, live));
  const linked = path.join(path.dirname(folder), 'linked');
  symlinkSync(folder, linked);
  await assertFails(receiveFiles(client, linked, live));
});

async function assertFails(work: Promise<unknown>): Promise<Error> {
  return await work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as Error,
  );
}

const bytes = (stat: ExportedEntry['stat']): ExportedEntry => ({ stat });
const a = exported('a', 'x');
const hostile: Readonly<Record<string, [TransferFailure, readonly ExportedEntry[], RegExp]>> = {
  'an absolute path': ['protocol', [exported('/tmp/tasks-evil', 'x')], /"\/tmp\/tasks-evil"/],
  'the parent': ['protocol', [exported('..', { link: 'x' })], /"\.\."/],
  'a path through the parent': ['protocol', [exported('../victim/file', 'x')], /not allowed/],
  'a path back through the parent': [
    'protocol',
    [exported('a/'), exported('a/../../victim/file', 'x')],
    /not allowed/,
  ],
  'the folder itself': ['protocol', [exported('.', 'x')], /"\."/],
  'a path with an empty name': ['protocol', [exported('a/'), exported('a//b', 'x')], /not allowed/],
  'an empty path': ['protocol', [exported('', 'x')], /""/],
  'a path that ends in a slash': [
    'protocol',
    [bytes({ path: Buffer.from('a/'), mode: dir + 0o755 })],
    /not allowed/,
  ],
  'a path with NUL': ['protocol', [exported('a\0b', 'x')], /not allowed/],
  'a path below a symlink': [
    'protocol',
    [exported('a', { link: '../victim' }), exported('a/file', 'x')],
    /"a" is not a folder/,
  ],
  'a path below a symlink that replaces a folder': [
    'protocol',
    [exported('a/'), exported('a', { link: '../victim' }), exported('a/file', 'x')],
    /"a", but it is a duplicate/,
  ],
  'a path below a file': ['protocol', [a, exported('a/b', 'x')], /"a" is not a folder/],
  'a path in a missing folder': ['protocol', [exported('a/b', 'x')], /"a" is not a folder/],
  'a duplicate': ['protocol', [a, a], /duplicate/],
  'a path out of order': ['protocol', [exported('b', 'x'), a], /out of order/],
  'a path in a folder that was left': [
    'protocol',
    [exported('a/'), exported('b', 'x'), exported('a/c', 'x')],
    /"a" is not a folder/,
  ],
  'a name that is not UTF-8': [
    'unsupported',
    [bytes({ path: Buffer.from([0x61, 0xff]), mode: 0o644 })],
    /not valid UTF-8/,
  ],
  'a name that is too long': ['protocol', [exported('n'.repeat(300), 'x')], /ENAMETOOLONG/],
  'a block device': ['unsupported', [exported('a', '', device + 0o666)], /a in the result is a device/],
  'a character device': ['unsupported', [exported('a', '', device + character + 0o666)], /is a device/],
  'a socket': ['protocol', [exported('a', '', socket + 0o666)], /unknown type/],
  'an irregular file': ['protocol', [exported('a', '', irregular + 0o666)], /unknown type/],
  'two types at once': ['protocol', [exported('a', '', dir + link + 0o666)], /unknown type/],
  'a symlink without a target': ['protocol', [exported('a', { link: '' })], /impossible target/],
  'a symlink to NUL': ['protocol', [exported('a', { link: 'b\0c' })], /impossible target/],
  'a hard link to a file outside': [
    'protocol',
    [bytes({ path: Buffer.from('a'), mode: 0o644, linkname: Buffer.from('../victim/file') })],
    /is no file/,
  ],
  'a hard link to a symlink': [
    'protocol',
    [
      exported('a', { link: '../victim/file' }),
      bytes({ path: Buffer.from('b'), mode: 0o644, linkname: Buffer.from('a') }),
    ],
    /is no file/,
  ],
  'a negative size': ['protocol', [bytes({ path: Buffer.from('a'), mode: 0o644, size: -1n })], /size of -1/],
  'more content than the size': [
    'protocol',
    [{ stat: { ...a.stat, size: 3n }, content: Buffer.from('four') }],
    /more of a than its size/,
  ],
  'less content than the size': [
    'protocol',
    [{ stat: { ...a.stat, size: 5n }, content: Buffer.from('four') }],
    /1 bytes less of a/,
  ],
  'an impossible size': [
    'protocol',
    [{ stat: { ...a.stat, size: 2n ** 62n }, content: Buffer.from('x') }],
    /bytes less of a/,
  ],
};

for (const [what, [reason, entries, message]] of Object.entries(hostile))
  test(`${what} is refused, and nothing outside is touched`, async () => {
    const { folder, outside } = target();
    const { client, engine } = fakeCall();
    const [error, told] = await Promise.all([
      assertFails(receiveFiles(client, folder, live)),
      exportAsEngine(engine, entries),
    ]);
    assert.match(error.message, message);
    if (error instanceof TransferError) assert.is(error.reason, reason);
    else assert.ok('syscall' in error, error.stack);
    assert.is(told, error.message);
    assert.equal(outside(), { 'victim/file': 'untouched' });
  });

const scripts: Readonly<Record<string, [readonly PacketInit[], RegExp]>> = {
  'content that was not requested': [
    [{ type: data, ID: 7, data: Buffer.from('x') }],
    /file 7, which was not/,
  ],
  'content after its end': [
    [
      { type: stat, stat: exported('a').stat },
      { type: data, ID: 0 },
      { type: data, ID: 0 },
    ],
    /file 0, which was not/,
  ],
  'an entry after the end of the list': [
    [{ type: stat, stat: a.stat }, { type: stat }, { type: stat, stat: exported('b').stat }],
    /after the end/,
  ],
  'FIN before the end': [[{ type: stat, stat: a.stat }, { type: PacketType.PACKET_FIN }], /type 3/],
  'a request': [[{ type: PacketType.PACKET_REQ, ID: 0 }], /type 1/],
};

for (const [what, [packets, message]] of Object.entries(scripts))
  test(`an engine that sends ${what} breaks the protocol`, async () => {
    const { folder } = target();
    const { client, engine } = fakeCall(100);
    for (const packet of packets) await engine.send(packet);
    const error = await assertFails(receiveFiles(client, folder, live));
    assert.instance(error, TransferError);
    assert.match(error.message, message);
    client.end();
    const answers: Packet[] = [];
    for await (const packet of engine.receive()) answers.push(packet);
    assert.is(Buffer.from(answers.at(-1)!.data).toString(), error.message);
  });

test('a symlink that another process puts in the way is not followed', async () => {
  for (const [name, entry] of [
    ['file', exported('file', 'x')],
    ['folder', exported('folder/')],
  ] as const) {
    const { folder, outside } = target();
    const { client, engine } = fakeCall(100);
    const receiving = assertFails(receiveFiles(client, folder, live));
    symlinkSync(name === 'file' ? '../victim/file' : '../victim', path.join(folder, name));
    await engine.send({ type: stat, stat: entry.stat });
    assert.match((await receiving).message, /EEXIST/);
    assert.equal(outside(), { 'victim/file': 'untouched' });
  }
});

test('an error of the engine, an early end and a lost connection fail', async () => {
  const { folder } = target();
  const failed = fakeCall();
  await failed.engine.send({ type: PacketType.PACKET_ERR, data: Buffer.from('cannot read layer') });
  const error = await assertFails(receiveFiles(failed.client, folder, live));
  assert.is(error.message, 'the engine reported: cannot read layer');
  const ended = fakeCall();
  ended.engine.end();
  assert.match(
    (await assertFails(receiveFiles(ended.client, folder, live))).message,
    /before it was complete/,
  );
  const lost = fakeCall();
  lost.destroy(new Error('connection lost'));
  assert.is((await assertFails(receiveFiles(lost.client, folder, live))).message, 'connection lost');
});

test('an abort ends a transfer at once and closes its files; nothing is written later', async () => {
  const { folder } = target();
  const { client, engine } = fakeCall(100);
  const controller = new AbortController();
  const receiving = assertFails(receiveFiles(client, folder, controller.signal));
  await engine.send({ type: stat, stat: { ...a.stat, size: 10n } });
  await engine.send({ type: data, ID: 0, data: Buffer.from('half.') });
  const file = path.join(folder, 'a');
  while (statSync(file, { throwIfNoEntry: false })?.size !== 5) await new Promise(setImmediate);
  controller.abort(new Error('stop'));
  assert.is((await receiving).message, 'stop');
  await engine.send({ type: stat, stat: exported('new/').stat });
  await engine.send({ type: data, ID: 0, data: Buffer.from('other') });
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  assert.equal(listing(folder), { a: '600 half.' });
  const open = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
  assert.not.ok(open.includes(file));
});

test.run();
