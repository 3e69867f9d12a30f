import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Code, GrpcError } from '../../../src/buildkit/grpc/status.ts';
import type { BuildServices } from '../../../src/buildkit/services.ts';
import { recordTransfers } from '../../../src/buildkit/transfers.ts';
import { fakeCall } from '../../support/fake-filesync.ts';
import { withResolvers } from '../../support/waiting.ts';

const test = suite('the file transfers of a build');
const headers = new Map<string, readonly string[]>();
const turn = (): Promise<void> => new Promise(setImmediate);

/** Starts a transfer that is recorded. */
function started(service: 'sendFiles' | 'receiveFiles', run: NonNullable<BuildServices['sendFiles']>) {
  const transfers = recordTransfers({ [service]: run });
  const { client, engine } = fakeCall(1);
  const transfer = transfers.services[service]!(client, headers);
  transfer.catch(() => undefined);
  return { transfers, transfer, engine };
}

test('a transfer is held back while the engine does not take what is sent', async () => {
  const { transfers, transfer, engine } = started('sendFiles', async (stream) => {
    await stream.send({});
    await stream.send({});
  });
  await turn();
  assert.is(transfers.isHeldBack(), true);
  const packets = engine.receive()[Symbol.asyncIterator]();
  for (let count = 0; count < 2; count++) await packets.next();
  await transfer;
  assert.is(transfers.isHeldBack(), false);
});

test('a transfer that fails while it is held back is not held back any more', async () => {
  const transfers = recordTransfers({ sendFiles: (stream) => stream.send({}) });
  const { client, destroy } = fakeCall(1);
  const transfer = transfers.services.sendFiles!(client, headers);
  transfer.catch(() => undefined);
  await turn();
  assert.is(transfers.isHeldBack(), true);
  destroy(new GrpcError(Code.cancelled, 'closed'));
  await turn();
  assert.is(transfers.isHeldBack(), false);
});

test('files are received when the last transfer to us has ended, well or not', async () => {
  for (const end of [(): void => undefined, () => Promise.reject(new Error('no space'))]) {
    const { promise, resolve } = withResolvers<void>();
    const { transfers } = started('receiveFiles', () => promise.then(end));
    let isReceived = false;
    const received = transfers.received().then(() => {
      isReceived = true;
    });
    await turn();
    assert.is(isReceived, false);
    resolve();
    await received;
  }
});

test('files that are sent are not waited for', async () => {
  const { transfers } = started('sendFiles', () => new Promise(() => undefined));
  await transfers.received();
});

test('failures are those on our side, in their order; what the engine ends is none', async () => {
  const errors = [new Error('one'), new GrpcError(Code.notFound, 'no such folder'), new Error('two')];
  const transfers = recordTransfers({
    sendFiles: () => Promise.reject(errors.shift()),
    receiveFiles: () => Promise.reject(new Error('three')),
  });
  const { sendFiles, receiveFiles } = transfers.services;
  const { client } = fakeCall();
  for (const service of [sendFiles, sendFiles, sendFiles, receiveFiles])
    await service!(client, headers).catch(() => undefined);
  assert.equal(
    transfers.failures.map(({ message }) => message),
    ['one', 'two', 'three'],
  );
});

test('services that a build does not have are not added, others stay', () => {
  const secret = () => undefined;
  assert.equal(recordTransfers({ secret }).services, {
    secret,
    sendFiles: undefined,
    receiveFiles: undefined,
  });
});

test.run();
