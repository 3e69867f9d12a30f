import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeFolder, memoryEntry, type SentEntry } from '../../../src/buildkit/context-entries.ts';
import { Code, GrpcError } from '../../../src/buildkit/grpc/status.ts';
import type { PacketInit } from '../../../src/buildkit/packets.ts';
import { type Packet, Packet_PacketType as PacketType } from '../../../src/buildkit/proto/transfer_pb.js';
import { sendFiles } from '../../../src/buildkit/send-files.ts';
import { TransferError } from '../../../src/buildkit/transfer-error.ts';
import { sha256 } from '../../../src/disk/sha256.ts';
import { fakeCall, receiveAsEngine, type Snapshot } from '../../support/fake-filesync.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('sending files');
const live = new AbortController().signal;
const megabyte = 1 << 20;

function diskEntry(source: string, bytes: Uint8Array, name = path.basename(source)): SentEntry {
  writeFileSync(source, bytes);
  const entry = { path: name, type: 'file', executable: false, size: bytes.length, digest: sha256(bytes) };
  return { entry: entry as Extract<SentEntry['entry'], { type: 'file' }>, source };
}

const text = (name: string, content = `content of ${name}`): SentEntry =>
  memoryEntry(name, Buffer.from(content));
const folder = (name: string): SentEntry => ({ entry: { path: name, type: 'dir' }, source: '' });

/** The contents that an engine keeps. */
function contents(snapshot: Snapshot): Record<string, string> {
  return Object.fromEntries([...snapshot].map(([name, { content }]) => [name, content.toString()]));
}

async function failureOf(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    assert.instance(error, Error);
    return error as Error;
  }
  throw new Error('it did not fail');
}

async function transferError(work: Promise<unknown>): Promise<TransferError> {
  const error = await failureOf(work);
  assert.ok(error instanceof TransferError, String(error));
  return error;
}

test('an engine gets all entries with their Stats, and the files that it asks for', async () => {
  const root = tempFolder();
  const { client, engine } = fakeCall();
  const { entries } = makeFolder([
    diskEntry(path.join(root, 'on disk'), Buffer.from('disk'), 'd/file'),
    folder('d'),
    { entry: { path: 'link', type: 'link', target: 'd/file' }, source: '' },
    { entry: { path: 'pipe', type: 'fifo' }, source: '' },
    text('empty', ''),
    text('z'),
  ]);
  const [snapshot, totals] = await Promise.all([receiveAsEngine(engine), sendFiles(client, entries, live)]);
  assert.equal(contents(snapshot), {
    d: '',
    'd/file': 'disk',
    empty: '',
    link: '',
    pipe: '',
    z: 'content of z',
  });
  assert.equal(Buffer.from(snapshot.get('link')!.stat.linkname).toString(), 'd/file');
  assert.equal(totals, { files: 3, bytes: 16 });
});

test('files may be requested in any order, before and after the end of the list', async () => {
  const names = Array.from({ length: 50 }, (_, index) => `file ${String(index).padStart(2, '0')}`);
  const { entries } = makeFolder(names.map((name) => text(name)));
  for (const reorder of [(ids: readonly number[]) => ids.toReversed(), undefined]) {
    const { client, engine } = fakeCall();
    const receiving = receiveAsEngine(engine, new Map(), reorder === undefined ? {} : { reorder });
    const [snapshot] = await Promise.all([receiving, sendFiles(client, entries, live)]);
    assert.equal(contents(snapshot), Object.fromEntries(names.map((name) => [name, `content of ${name}`])));
  }
});

test('what an engine kept under the same key is not sent again', async () => {
  const { entries } = makeFolder([text('a'), folder('b'), text('b/c')]);
  const send = async (kept: Snapshot, differ: 'metadata' | 'none') => {
    const { client, engine } = fakeCall();
    return await Promise.all([receiveAsEngine(engine, kept, { differ }), sendFiles(client, entries, live)]);
  };
  const [kept, first] = await send(new Map(), 'metadata');
  assert.is(first.files, 2);
  const [again, second] = await send(kept, 'metadata');
  assert.equal(second, { files: 0, bytes: 0 });
  assert.equal(contents(again), contents(kept));
  assert.is((await send(kept, 'none'))[1].files, 2);
});

const spoilers: Readonly<Record<string, (file: string) => void>> = {
  'other bytes of the same length': (file) => writeFileSync(file, Buffer.alloc(1000, 'y')),
  'a longer file': (file) => appendFileSync(file, 'x'),
  'a shorter file': (file) => truncateSync(file, 999),
  'an empty file': (file) => truncateSync(file, 0),
  'no file': (file) => rmSync(file),
  'a symlink to the same bytes': (file) => {
    renameSync(file, `${file}.moved`);
    symlinkSync(`${file}.moved`, file);
  },
  'a symlink to a device': (file) => {
    rmSync(file);
    symlinkSync('/dev/zero', file);
  },
  'a folder': (file) => {
    rmSync(file);
    mkdirSync(file);
  },
  'a pipe without a writer': (file) => {
    rmSync(file);
    execFileSync('mkfifo', [file]);
  },
  'a file in place of its folder': (file) => {
    rmSync(path.dirname(file), { recursive: true });
    writeFileSync(path.dirname(file), '');
  },
};

for (const [what, spoil] of Object.entries(spoilers))
  test(`${what} in place of what was hashed fails the build`, async () => {
    const file = path.join(tempFolder(), 'folder/file');
    mkdirSync(path.dirname(file));
    const { entries } = makeFolder([text('before'), diskEntry(file, Buffer.alloc(1000, 'x')), text('later')]);
    spoil(file);
    const { client, engine } = fakeCall();
    const [received, sent] = await Promise.all([
      failureOf(receiveAsEngine(engine)),
      transferError(sendFiles(client, entries, live)),
    ]);
    assert.is(sent.reason, 'changed');
    assert.is(sent.file, file);
    assert.is(sent.message, `${file} changed while the task was running; run again`);
    assert.is(received.message, `error from sender: ${sent.message}`);
  });

for (const source of ['/dev/zero', '/dev/null'])
  test(`the device ${source} is not read in place of an empty file`, async () => {
    const entry = { path: 'a', type: 'file', executable: false, size: 0, digest: sha256('') } as const;
    const { client, engine } = fakeCall();
    const [, error] = await Promise.all([
      failureOf(receiveAsEngine(engine)),
      transferError(sendFiles(client, [{ entry, source }], live)),
    ]);
    assert.is(error.reason, 'changed');
  });

test('a file that changes while it is sent never looks complete to the engine', async () => {
  const file = path.join(tempFolder(), 'file');
  const { entries } = makeFolder([diskEntry(file, Buffer.alloc(megabyte, 'x'))]);
  const { client, engine } = fakeCall(1);
  let pieces = 0;
  let isComplete = false;
  const onPacket = ({ type, data }: Packet): void => {
    if (type !== PacketType.PACKET_DATA) return;
    if (pieces++ === 0) writeFileSync(file, Buffer.alloc(megabyte, 'y'));
    isComplete ||= data.length === 0;
  };
  const [received, sent] = await Promise.all([
    failureOf(receiveAsEngine(engine, new Map(), { onPacket })),
    transferError(sendFiles(client, entries, live)),
  ]);
  assert.is(sent.reason, 'changed');
  assert.match(received.message, /^error from sender: .* changed while/);
  assert.ok(pieces > 1);
  assert.not.ok(isComplete);
});

test('a file that cannot be read fails the build, too', async () => {
  const source = path.join(tempFolder(), 'n'.repeat(300));
  const entry = { path: 'a', type: 'file', executable: false, size: 1, digest: sha256('x') } as const;
  const { client, engine } = fakeCall();
  const [received, sent] = await Promise.all([
    failureOf(receiveAsEngine(engine)),
    transferError(sendFiles(client, [{ entry, source }], live)),
  ]);
  assert.is(sent.reason, 'unreadable');
  assert.is(received.message, `error from sender: cannot read ${source}: ENAMETOOLONG`);
});

test('a large file waits for a slow engine, in little memory', async () => {
  const size = 64 * megabyte;
  const file = path.join(tempFolder(), 'large');
  const entry = diskEntry(file, Buffer.alloc(size, 'x'));
  const { client, engine } = fakeCall(4);
  let received = 0;
  const onPacket = ({ data }: Packet): void => {
    received += data.length;
  };
  const [, totals] = await Promise.all([
    receiveAsEngine(engine, new Map(), { onPacket, beforeRead: () => new Promise(setImmediate) }),
    sendFiles(client, [entry], live),
  ]);
  assert.equal(totals, { files: 1, bytes: size });
  assert.is(received, size);
  assert.ok(client.peak < 2 * megabyte, `${client.peak} bytes waited`);
});

const openFiles = (): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });

test('an engine that stops reading holds a transfer until it is aborted; then the file is closed', async () => {
  const file = path.join(tempFolder(), 'file');
  const { entries } = makeFolder([diskEntry(file, Buffer.alloc(8 * megabyte, 'x'))]);
  const { client, engine, destroy } = fakeCall(3);
  const controller = new AbortController();
  let isSettled = false;
  const sending = failureOf(sendFiles(client, entries, controller.signal)).finally(() => {
    isSettled = true;
  });
  await engine.send({ type: PacketType.PACKET_REQ, ID: 0 });
  while (!openFiles().includes(file)) await new Promise(setImmediate);
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  assert.not.ok(isSettled);
  controller.abort(new Error('stop'));
  assert.is((await sending).message, 'stop');
  destroy(new Error('gone'));
  while (openFiles().includes(file)) await new Promise(setImmediate);
});

test('an error of the engine is passed on, and nothing is sent after it', async () => {
  const { client, engine } = fakeCall(100);
  const { entries } = makeFolder([text('a'), text('b')]);
  await engine.send({ type: PacketType.PACKET_ERR, data: Buffer.from('no space left on device') });
  const error = await failureOf(sendFiles(client, entries, live));
  assert.instance(error, GrpcError);
  assert.is(error.message, 'the engine reported: no space left on device');
  client.end();
  const types: PacketType[] = [];
  for await (const packet of engine.receive()) types.push(packet.type);
  assert.not.ok(types.includes(PacketType.PACKET_ERR));
});

test('a call that ends early fails, also without an error', async () => {
  const { client, engine } = fakeCall();
  engine.end();
  assert.is(((await failureOf(sendFiles(client, [], live))) as GrpcError).code, Code.cancelled);
  const broken = fakeCall();
  broken.destroy(new Error('connection lost'));
  assert.is((await failureOf(sendFiles(broken.client, [], live))).message, 'connection lost');
});

const violations: Readonly<Record<string, readonly PacketInit[]>> = {
  'a file twice': [
    { type: PacketType.PACKET_REQ, ID: 1 },
    { type: PacketType.PACKET_REQ, ID: 1 },
  ],
  'a folder': [{ type: PacketType.PACKET_REQ, ID: 0 }],
  'an unknown file': [{ type: PacketType.PACKET_REQ, ID: 2 }],
  'a list': [{ type: PacketType.PACKET_STAT }],
  data: [{ type: PacketType.PACKET_DATA, ID: 1 }],
};

for (const [what, packets] of Object.entries(violations))
  test(`an engine that sends or requests ${what} breaks the protocol`, async () => {
    const { client, engine } = fakeCall(100);
    const sending = transferError(sendFiles(client, [folder('a'), text('a/b')], live));
    for await (const packet of engine.receive()) if (packet.type === 0 && packet.stat === undefined) break;
    for (const packet of packets) await engine.send(packet);
    const error = await sending;
    assert.is(error.reason, 'protocol');
    client.end();
    const last: Packet[] = [];
    for await (const packet of engine.receive()) last.push(packet);
    assert.is(Buffer.from(last.at(-1)!.data).toString(), error.message);
    assert.is(last.at(-1)!.type, PacketType.PACKET_ERR);
  });

test('an engine cannot end a transfer before it got what it requested, or request what was not listed', async () => {
  for (const packets of [
    [{ type: PacketType.PACKET_FIN }],
    [{ type: PacketType.PACKET_REQ, ID: 1 }, { type: PacketType.PACKET_FIN }],
    [{ type: PacketType.PACKET_REQ, ID: 3 }],
  ]) {
    // The second STAT waits, for the engine reads none.
    const { client, engine } = fakeCall(2);
    const sending = transferError(sendFiles(client, [text('a'), text('b'), text('c'), text('d')], live));
    for (const packet of packets) await engine.send(packet);
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    const types: PacketType[] = [];
    for await (const packet of engine.receive()) {
      types.push(packet.type);
      if (packet.type === PacketType.PACKET_ERR) break;
    }
    assert.is((await sending).reason, 'protocol');
    assert.not.ok(types.includes(PacketType.PACKET_FIN));
  }
});

test('an engine cannot end a transfer while a file is being sent', async () => {
  const { client, engine } = fakeCall(3);
  const sending = transferError(sendFiles(client, [memoryEntry('a', Buffer.alloc(4 * megabyte))], live));
  await engine.send({ type: PacketType.PACKET_REQ, ID: 0 });
  let packets = 0;
  for await (const packet of engine.receive()) {
    // Two STATs, and the first piece.
    if (++packets === 3) await engine.send({ type: PacketType.PACKET_FIN });
    if (packet.type === PacketType.PACKET_ERR) break;
  }
  assert.is((await sending).reason, 'protocol');
});

test('after an error, no more of a file is sent', async () => {
  const { client, engine } = fakeCall(3);
  const sending = failureOf(sendFiles(client, [memoryEntry('a', Buffer.alloc(16 * megabyte))], live));
  await engine.send({ type: PacketType.PACKET_REQ, ID: 0 });
  let pieces = 0;
  const reading = (async () => {
    for await (const { type } of engine.receive()) {
      if (type !== PacketType.PACKET_DATA) continue;
      if (pieces++ === 0) await engine.send({ type: PacketType.PACKET_ERR, data: Buffer.from('full') });
    }
  })();
  await sending;
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  assert.ok(pieces < 10, `${pieces} pieces`);
  client.end();
  await reading;
});

test('other work gets its turn while many files are sent', async () => {
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  const { client, engine } = fakeCall();
  let sent = 0;
  const busy = {
    receive: () => client.receive(),
    send: async (): Promise<void> => {
      for (const end = performance.now() + 1; performance.now() < end; );
      if (++sent === 101) await engine.send({ type: PacketType.PACKET_FIN });
    },
  };
  await sendFiles(busy, makeFolder(Array.from({ length: 100 }, (_, n) => text(`${n}`))).entries, live);
  isDone = true;
  assert.ok(turns >= 8, `${turns} turns in 100 ms`);
});

test.run();
