import { readdirSync, readlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { type ClientHttp2Session, connect, createServer } from 'node:http2';
import { connect as connectSocket, createServer as createSocketServer, type Socket } from 'node:net';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeFolder, memoryEntry, type SentEntry } from '../../../src/buildkit/context-entries.ts';
import { fileServices } from '../../../src/buildkit/file-services.ts';
import { startCall } from '../../../src/buildkit/grpc/call.ts';
import { serve } from '../../../src/buildkit/grpc/server.ts';
import { Code, type GrpcError } from '../../../src/buildkit/grpc/status.ts';
import { Services } from '../../../src/buildkit/methods.ts';
import { type Packet, Packet_PacketType as PacketType } from '../../../src/buildkit/proto/transfer_pb.js';
import type { SentTotals } from '../../../src/buildkit/send-files.ts';
import { handlersOf } from '../../../src/buildkit/services.ts';
import { sha256 } from '../../../src/disk/sha256.ts';
import { receiveAsEngine } from '../../support/fake-filesync.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('file transfer over HTTP/2');
const megabyte = 1 << 20;

/** An engine's connection to our services, over a unix socket. */
async function session(entries: readonly SentEntry[]) {
  const failures: unknown[] = [];
  const sent: SentTotals[] = [];
  const live = new AbortController().signal;
  const folders = new Map([['context', makeFolder(entries)]]);
  const files = fileServices({ folders, onSent: (_, totals) => sent.push(totals) }, live);
  const recorded: typeof files.sendFiles = async (stream, headers) => {
    try {
      await files.sendFiles!(stream, headers);
    } catch (error) {
      failures.push(error);
      throw error;
    }
  };
  const http2 = createServer();
  const sockets: Socket[] = [];
  http2.on('session', (opened) => serve(opened, handlersOf({ sendFiles: recorded })));
  const listener = createSocketServer((socket) => {
    sockets.push(socket);
    http2.emit('connection', socket);
  });
  const address = path.join(tempFolder(), 'socket');
  await new Promise<void>((resolve) => listener.listen(address, resolve));
  const engine: ClientHttp2Session = connect('http://localhost', {
    createConnection: () => connectSocket(address),
  });
  engine.on('error', () => undefined);
  const call = (name = 'context') => startCall(engine, Services.readFiles, { 'dir-name': name });
  const close = (): void => {
    engine.destroy();
    for (const socket of sockets) socket.destroy();
    listener.close();
  };
  return { call, engine, sent, failures, close };
}

async function failureOf(work: Promise<unknown>): Promise<Error> {
  return await work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => error as Error,
  );
}

function diskFile(bytes: Uint8Array): SentEntry & { readonly source: string } {
  const source = path.join(tempFolder(), 'file');
  writeFileSync(source, bytes);
  return {
    entry: { path: 'file', type: 'file', executable: false, size: bytes.length, digest: sha256(bytes) },
    source,
  };
}

const isOpen = (file: string): boolean =>
  readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === file;
    } catch {
      return false;
    }
  });

test('several folders at once, and the status at the end', async () => {
  const texts = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`f${n}`, `${n}`.repeat(n * 40)]));
  const { call, sent, close } = await session(
    Object.entries(texts).map(([name, content]) => memoryEntry(name, Buffer.from(content))),
  );
  const transfers = [1, 2, 3].map(async () => {
    const stream = call();
    const snapshot = await receiveAsEngine(stream);
    stream.end();
    await stream.status;
    return Object.fromEntries([...snapshot].map(([name, { content }]) => [name, content.toString()]));
  });
  for (const transfer of transfers) assert.equal(await transfer, texts);
  assert.is(sent.length, 3);
  close();
});

test('a large file in the time and the windows of a slow engine', async () => {
  const bytes = Buffer.alloc(24 * megabyte, 'x');
  const { call, sent, close } = await session([diskFile(bytes)]);
  let received = 0;
  const onPacket = ({ data }: Packet): void => {
    received += data.length;
  };
  const stream = call();
  const snapshot = await receiveAsEngine(stream, new Map(), {
    onPacket,
    beforeRead: () => new Promise(setImmediate),
  });
  stream.end();
  await stream.status;
  assert.is(received, bytes.length);
  assert.is(sha256(snapshot.get('file')!.content), sha256(bytes));
  assert.equal(sent, [{ files: 1, bytes: bytes.length }]);
  close();
});

test('the ERR packet of a spoiled file arrives before the status, which has the same words', async () => {
  const file = diskFile(Buffer.alloc(3 * megabyte, 'x'));
  const { call, failures, close } = await session([file]);
  truncateSync(file.source, 2 * megabyte);
  const stream = call();
  const error = await failureOf(receiveAsEngine(stream));
  assert.match(error.message, /^error from sender: .* changed while the task was running/);
  stream.end();
  const status = await failureOf(stream.status);
  assert.is((status as GrpcError).code, Code.unknown);
  assert.match(status.message, /changed while the task was running/);
  assert.is(failures.length, 1);
  close();
});

test('an unknown folder has the status that lets an engine try another session', async () => {
  const { call, close } = await session([]);
  const stream = call('other');
  stream.end();
  const error = await failureOf(receiveAsEngine(stream));
  assert.is((error as GrpcError).code, Code.notFound);
  close();
});

for (const [what, abandon] of Object.entries({
  'cancels the call': ({ call }) => call.cancel(),
  'drops the connection': ({ engine }) => engine.destroy(),
} satisfies Record<string, (ends: { call: { cancel(): void }; engine: ClientHttp2Session }) => void>))
  test(`an engine that stops reading and then ${what} ends the transfer and closes the file`, async () => {
    const file = diskFile(Buffer.alloc(16 * megabyte, 'x'));
    const { call, engine, failures, close } = await session([file]);
    const stream = call();
    stream.status.catch(() => undefined);
    await stream.send({ type: PacketType.PACKET_REQ, ID: 0 });
    while (!isOpen(file.source)) await new Promise(setImmediate);
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    assert.equal(failures, []);
    abandon({ call: stream, engine });
    while (failures.length === 0 || isOpen(file.source)) await new Promise(setImmediate);
    assert.ok(failures[0] instanceof Error);
    close();
  });

test.run();
