import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeFolder, memoryEntry } from '../../../src/buildkit/context-entries.ts';
import { fileServices } from '../../../src/buildkit/file-services.ts';
import { Code, GrpcError } from '../../../src/buildkit/grpc/status.ts';
import type { SentTotals } from '../../../src/buildkit/send-files.ts';
import { exportAsEngine, exported, fakeCall, receiveAsEngine } from '../../support/fake-filesync.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('services that transfer files');
const live = new AbortController().signal;
const folder = makeFolder([memoryEntry('a', Buffer.from('text'))]);

test('a folder is sent under its name, and reported', async () => {
  const sent: [string, SentTotals][] = [];
  const folders = new Map([['context', folder]]);
  const services = fileServices({ folders, onSent: (name, totals) => sent.push([name, totals]) }, live);
  const { client, engine } = fakeCall();
  const [snapshot] = await Promise.all([
    receiveAsEngine(engine),
    services.sendFiles!(client, new Map([['dir-name', ['context']]])),
  ]);
  assert.is(snapshot.get('a')!.content.toString(), 'text');
  assert.equal(sent, [['context', { files: 1, bytes: 4 }]]);
});

test('a folder may be added later; others are not found', async () => {
  const folders = new Map([['context', folder]]);
  const services = fileServices({ folders }, live);
  const request = new Map([['dir-name', ['dockerfile-1']]]);
  try {
    await services.sendFiles!(fakeCall().client, request);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, GrpcError);
    assert.is((error as GrpcError).code, Code.notFound);
    assert.is((error as GrpcError).message, 'no access allowed to dir "dockerfile-1"');
  }
  folders.set('dockerfile-1', folder);
  const { client, engine } = fakeCall();
  await Promise.all([receiveAsEngine(engine), services.sendFiles!(client, request)]);
});

test('results are received only by builds that export files', async () => {
  assert.is(fileServices({ folders: new Map() }, live).receiveFiles, undefined);
  const exportTo = path.join(tempFolder(), 'out');
  mkdirSync(exportTo);
  const services = fileServices({ folders: new Map(), exportTo }, live);
  const { client, engine } = fakeCall();
  await Promise.all([
    exportAsEngine(engine, [exported('a', 'text')]),
    services.receiveFiles!(client, new Map()),
  ]);
  assert.is(readFileSync(path.join(exportTo, 'a'), 'utf8'), 'text');
});

test.run();
