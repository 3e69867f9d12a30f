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

const test = suite('records in one file');
const manifest = { schema: 1, lines: [] };
const keys = ['a'.repeat(64), 'b'.repeat(64)];

function record(key: string, imageId = 'sha256:1'): TaskRecord {
  const task = `${key[0]}:latest`;
  return { key, task, imageId, needs: {}, bytes: 1, durationMs: 1, tags: [], time: '' };
}

/** A folder with two records that were read once, so that their copy is written. */
async function packed() {
  const folder = tempFolder();
  const warnings: string[] = [];
  const open = () => openRecords(folder, (message) => warnings.push(message));
  for (const key of keys) await open().put(record(key), manifest);
  waitUntilSettled(path.join(folder, 'records'));
  await open().get(keys);
  return { folder, open, warnings, pack: path.join(folder, 'records.pack') };
}

const images = async (records: ReturnType<typeof openRecords>): Promise<(string | undefined)[]> => {
  const found = await records.get(keys);
  return keys.map((key) => found.get(key)?.imageId);
};

/** Makes each record's own file useless, without a trace in the folder. */
function spoil(folder: string): void {
  for (const name of readdirSync(path.join(folder, 'records')))
    writeFileSync(path.join(folder, 'records', name), 'spoiled');
}

test('records that stand still are read from their copy', async () => {
  const { folder, open, warnings } = await packed();
  spoil(folder);
  assert.equal(await images(open()), ['sha256:1', 'sha256:1']);
  assert.equal(warnings, []);
});

test('a record that is written, replaced or removed is seen, by who has read the copy too', async () => {
  const { folder, open } = await packed();
  const reader = open();
  assert.equal(await images(reader), ['sha256:1', 'sha256:1']);
  await open().put(record(keys[0]!, 'sha256:2'), manifest);
  assert.equal(await images(reader), ['sha256:2', 'sha256:1']);
  assert.equal(await images(open()), ['sha256:2', 'sha256:1']);
  rmSync(path.join(folder, 'records', `v1%3a${keys[1]}`));
  assert.equal(await images(reader), ['sha256:2', undefined]);
  assert.equal(await images(open()), ['sha256:2', undefined]);
});

test('a folder as new as the clock has no copy: it may change within the same tick', async () => {
  const { folder, open, pack } = await packed();
  rmSync(pack);
  const ahead = new Date(Date.now() + 3_600_000);
  utimesSync(path.join(folder, 'records'), ahead, ahead);
  await images(open());
  assert.not.ok(readdirSync(folder).includes('records.pack'));
});

test('a copy that was torn or edited is not believed', async () => {
  const { open, pack } = await packed();
  const whole = readFileSync(pack, 'utf8');
  assert.ok(whole.includes('sha256:1'));
  for (const text of [
    whole.replace('sha256:1', 'sha256:9'),
    whole.slice(0, -1),
    whole.slice(20),
    '',
    '\n\n',
    'x',
  ]) {
    writeFileSync(pack, text);
    assert.equal(await images(open()), ['sha256:1', 'sha256:1'], JSON.stringify(text.slice(0, 40)));
  }
  appendFileSync(pack, '\nmore');
  assert.equal(await images(open()), ['sha256:1', 'sha256:1']);
});

test('that they are used is noted once a day, by their own files too', async () => {
  const { folder, open } = await packed();
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
