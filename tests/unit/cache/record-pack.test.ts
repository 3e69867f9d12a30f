import {
  appendFileSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRecords } from '../../../src/cache/records.ts';
import type { TaskRecord } from '../../../src/model/record.ts';
import { tempFolder, waitUntilSettled } from '../../support/temp.ts';

const test = suite('records.pack, the copy of all records');
const manifest = { schema: 1, lines: [] };
const keys = ['a'.repeat(64), 'b'.repeat(64)];

function record(key: string, imageId = 'sha256:1'): TaskRecord {
  const task = `${key[0]}:latest`;
  return { key, task, imageId, needs: {}, bytes: 1, durationMs: 1, tags: [], time: '' };
}

/** Creates a cache folder with two records that were read once, which writes their copy. */
async function packedRecords() {
  const folder = tempFolder();
  const warnings: string[] = [];
  const open = () => openRecords(folder, (message) => warnings.push(message));
  for (const key of keys) await open().put(record(key), manifest);
  waitUntilSettled(path.join(folder, 'records'));
  await open().get(keys);
  return { folder, open, warnings, pack: path.join(folder, 'records.pack') };
}

const readImageIds = async (records: ReturnType<typeof openRecords>): Promise<(string | undefined)[]> => {
  const found = await records.get(keys);
  return keys.map((key) => found.get(key)?.imageId);
};

/** Overwrites the record files in place, which does not change the folder's stamp. */
function damageRecords(folder: string): void {
  for (const name of readdirSync(path.join(folder, 'records')))
    writeFileSync(path.join(folder, 'records', name), 'damaged');
}

test('unchanged records are read from the copy', async () => {
  const { folder, open, warnings } = await packedRecords();
  damageRecords(folder);
  assert.equal(await readImageIds(open()), ['sha256:1', 'sha256:1']);
  assert.equal(warnings, []);
});

test('a record that is written, replaced or removed is noticed, even after the copy was read', async () => {
  const { folder, open } = await packedRecords();
  const reader = open();
  assert.equal(await readImageIds(reader), ['sha256:1', 'sha256:1']);
  await open().put(record(keys[0]!, 'sha256:2'), manifest);
  assert.equal(await readImageIds(reader), ['sha256:2', 'sha256:1']);
  assert.equal(await readImageIds(open()), ['sha256:2', 'sha256:1']);
  rmSync(path.join(folder, 'records', `v1%3a${keys[1]}`));
  assert.equal(await readImageIds(reader), ['sha256:2', undefined]);
  assert.equal(await readImageIds(open()), ['sha256:2', undefined]);
});

test('no copy is written of a folder changed just now: it may change again within the same clock tick', async () => {
  const { folder, open, pack } = await packedRecords();
  rmSync(pack);
  const ahead = new Date(Date.now() + 3_600_000);
  utimesSync(path.join(folder, 'records'), ahead, ahead);
  await readImageIds(open());
  assert.not.ok(readdirSync(folder).includes('records.pack'));
});

test('a truncated or edited copy is ignored', async () => {
  const { open, pack } = await packedRecords();
  const intact = readFileSync(pack, 'utf8');
  assert.ok(intact.includes('sha256:1'));
  for (const text of [
    intact.replace('sha256:1', 'sha256:9'),
    intact.slice(0, -1),
    intact.slice(20),
    '',
    '\n\n',
    'x',
  ]) {
    writeFileSync(pack, text);
    assert.equal(await readImageIds(open()), ['sha256:1', 'sha256:1'], JSON.stringify(text.slice(0, 40)));
  }
  appendFileSync(pack, '\nmore');
  assert.equal(await readImageIds(open()), ['sha256:1', 'sha256:1']);
});

test('the last use is recorded at most once a day, in the record files too', async () => {
  const { folder, open } = await packedRecords();
  const files = keys.map((key) => path.join(folder, 'records', `v1%3a${key}`));
  const day = 86_400_000;
  const now = new Date(Math.floor(Date.now() / 1000) * 1000 + 10 * day);
  const times = (): number[] => files.map((file) => lstatSync(file).mtimeMs);
  const use = async (at: Date): Promise<void> => {
    const records = open();
    await records.get(keys);
    records.markUsed(keys, at);
  };
  await use(now);
  assert.equal(times(), [now.getTime(), now.getTime()]);
  await use(new Date(now.getTime() + day / 2));
  assert.equal(times(), [now.getTime(), now.getTime()]);
  const later = new Date(now.getTime() + 2 * day);
  await use(later);
  assert.equal(times(), [later.getTime(), later.getTime()]);
});

test.run();
