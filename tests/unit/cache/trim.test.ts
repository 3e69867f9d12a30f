import { existsSync, lstatSync, mkdirSync, readdirSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRecords } from '../../../src/cache/records.ts';
import { type Kept, surveyCache } from '../../../src/cache/survey.ts';
import { chooseTrim, type Limits, markUsed, removeKept } from '../../../src/cache/trim.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('trimming of .cache');

const day = 86_400_000;
const now = new Date(Date.UTC(2026, 10, 24));
const ago = (days: number): number => now.getTime() - days * day;
const limits: Limits = {
  ages: { result: 30 * day, latest: 90 * day, manifest: day, log: 30 * day, pass: 90 * day, leftover: day },
  resultBytes: 100,
};
const thing = (kind: Kept['kind'], name: string, days: number, more: Partial<Kept> = {}): Kept => ({
  kind,
  paths: [name],
  bytes: 10,
  usedAt: ago(days),
  ...more,
});
const chosen = (kept: readonly Kept[], inUse: readonly string[] = []): string[] =>
  chooseTrim(kept, new Set(inUse), now, limits).map(({ paths }) => paths[0]!);

test('each kind goes when it was not used for its time, and not before', () => {
  const kinds = Object.keys(limits.ages) as Kept['kind'][];
  for (const kind of kinds) {
    const age = limits.ages[kind] / day;
    assert.equal(chosen([thing(kind, 'old', age + 0.1), thing(kind, 'new', age - 0.1)]), ['old'], kind);
  }
});

test('what a plan uses never goes, however old and big', () => {
  const kept = [
    thing('result', 'used', 400, { key: 'k', bytes: 1_000 }),
    thing('manifest', 'its manifest', 400, { key: 'k' }),
    thing('result', 'unused', 1, { key: 'j' }),
  ];
  assert.equal(chosen(kept, ['k']), ['unused']);
});

test('results go from the least recently used on until they fit', () => {
  const kept = [3, 1, 2].map((days) => thing('result', `${days} days`, days, { key: `k${days}`, bytes: 60 }));
  assert.equal(chosen(kept), ['3 days', '2 days']);
  assert.equal(chosen(kept.map((each) => ({ ...each, bytes: 30 }))), []);
});

test('a manifest stays as long as a record speaks of it', () => {
  const manifest = thing('manifest', 'manifest', 50, { key: 'k' });
  assert.equal(chosen([manifest]), ['manifest']);
  assert.equal(chosen([manifest, thing('latest', 'latest', 50, { key: 'k' })]), []);
  assert.equal(chosen([manifest, thing('result', 'result', 50, { key: 'k' })]), ['manifest', 'result']);
  assert.equal(chosen([manifest, thing('result', 'result', 5, { key: 'k' })]), []);
});

/** A cache folder with one result, as the program itself writes it. */
async function cacheWith(key: string): Promise<string> {
  const folder = tempFolder();
  const records = openRecords(folder, (message) => assert.unreachable(message));
  const record = { key, task: 'a:1', needs: {}, bytes: 5, durationMs: 1, tags: [], time: now.toISOString() };
  await records.put(record, { schema: 1, lines: [] });
  writeFiles(folder, { [`files/${key}/dir/file`]: '12345' });
  return folder;
}

test('the survey finds all that there is, with its size and key; leftovers are told from what is whole', async () => {
  const key = 'a'.repeat(64);
  const folder = await cacheWith(key);
  writeFiles(folder, {
    [`files/${'b'.repeat(64)}/orphan`]: 'x',
    [`records/v1%3a${'c'.repeat(64)}.broken`]: 'x',
    [`manifests/v1%3a${'c'.repeat(64)}.123-0a1b2c3d`]: 'x',
    'work/aaaa-1/out/x': 'x',
    'logs/a@1/1.log': 'x',
    'tests/v1%3apass': 'x',
    'definitions/index.json': '{"module":"/x/now.mjs"}',
    'definitions/now.mjs': '',
    'definitions/before.mjs': '',
    'locks/lock': '',
    memo: '',
  });
  const kept = surveyCache(folder);
  const names = (kind: Kept['kind']): string[] =>
    kept.filter((each) => each.kind === kind).map(({ paths }) => path.relative(folder, paths[0]!));
  assert.equal(names('result'), [`records/v1%3a${key}`]);
  const [result] = kept.filter(({ kind }) => kind === 'result');
  assert.is(result!.key, key);
  assert.ok(result!.bytes > 5 && result!.bytes < 1000);
  assert.equal(
    kept.filter(({ kind }) => kind === 'latest').map((each) => each.key),
    [key],
  );
  assert.equal(
    kept.filter(({ kind }) => kind === 'manifest').map((each) => each.key),
    [key],
  );
  assert.equal([names('log'), names('pass')], [['logs/a@1/1.log'], ['tests/v1%3apass']]);
  assert.equal(names('leftover').sort(), [
    'definitions/before.mjs',
    `files/${'b'.repeat(64)}`,
    `manifests/v1%3a${'c'.repeat(64)}.123-0a1b2c3d`,
    `records/v1%3a${'c'.repeat(64)}.broken`,
    'work/aaaa-1',
  ]);
});

test('a result goes with its files; what was used lately is marked and stays', async () => {
  const key = 'a'.repeat(64);
  const folder = await cacheWith(key);
  const record = path.join(folder, 'records', `v1%3a${key}`);
  const age = (): void => utimesSync(record, new Date(ago(40)), new Date(ago(40)));
  age();
  markUsed(folder, [key, 'b'.repeat(64)], now);
  assert.is(lstatSync(record).mtimeMs, now.getTime());
  assert.equal(
    chooseTrim(surveyCache(folder), new Set(), now).filter(({ kind }) => kind === 'result'),
    [],
  );
  age();
  removeKept(chooseTrim(surveyCache(folder), new Set(), now));
  assert.equal([existsSync(record), readdirSync(path.join(folder, 'files'))], [false, []]);
  assert.ok(existsSync(path.join(folder, 'latest')), 'what explains the next build stays');
});

test('a cache folder that is not there holds nothing', () => {
  assert.equal(surveyCache(path.join(tempFolder(), 'none')), []);
  const folder = tempFolder();
  mkdirSync(path.join(folder, 'records'));
  assert.equal(surveyCache(folder), []);
});

test.run();
