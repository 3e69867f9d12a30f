import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type CacheEntry, linkedFolders, listCacheEntries } from '../../../src/cache/entries.ts';
import { listLogs, openLog } from '../../../src/cache/logs.ts';
import { openRecords } from '../../../src/cache/records.ts';
import { markUsed, removeEntries, selectExpired, type TrimLimits } from '../../../src/cache/trim.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('trimming of .cache');
const log = '2026-11-24T12-00-00.000Z.log';

const day = 86_400_000;
const now = new Date(Date.UTC(2026, 10, 24));
const ago = (days: number): number => now.getTime() - days * day;
const limits: TrimLimits = {
  maxAges: {
    result: 30 * day,
    latest: 90 * day,
    manifest: day,
    log: 30 * day,
    pass: 90 * day,
    leftover: day,
  },
  maxResultBytes: 100,
};
const thing = (
  kind: CacheEntry['kind'],
  name: string,
  days: number,
  more: Partial<CacheEntry> = {},
): CacheEntry => ({
  kind,
  paths: [name],
  bytes: 10,
  usedAt: ago(days),
  ...more,
});
const chosen = (kept: readonly CacheEntry[], inUse: readonly string[] = []): string[] =>
  selectExpired(kept, new Set(inUse), now, limits).map(({ paths }) => paths[0]!);

test('each kind goes when it was not used for its time, and not before', () => {
  const kinds = Object.keys(limits.maxAges) as CacheEntry['kind'][];
  for (const kind of kinds) {
    const age = limits.maxAges[kind] / day;
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
    'work/0123456789ab-aB3dE9/out/x': 'x',
    [`logs/a@1/${log}`]: 'x',
    'tests/v1%3apass': 'x',
    'definitions/index.json': '{"file":"0123456789abcdef.mjs"}',
    'definitions/0123456789abcdef.mjs': '',
    'definitions/0000456789abcdef.mjs': '',
    'locks/lock': '',
    memo: '',
    'memo.0123456789abcdef.part': '',
    'traces.clock': '',
  });
  const kept = listCacheEntries(folder);
  const names = (kind: CacheEntry['kind']): string[] =>
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
  assert.equal([names('log'), names('pass')], [[`logs/a@1/${log}`], ['tests/v1%3apass']]);
  assert.equal(names('leftover').sort(), [
    'definitions/0000456789abcdef.mjs',
    `files/${'b'.repeat(64)}`,
    `manifests/v1%3a${'c'.repeat(64)}.123-0a1b2c3d`,
    'memo.0123456789abcdef.part',
    `records/v1%3a${'c'.repeat(64)}.broken`,
    'traces.clock',
    'work/0123456789ab-aB3dE9',
  ]);
});

const names = ['records', 'latest', 'manifests', 'tests', 'files', 'logs', 'work', 'definitions'];
const foreign = [
  'notes.txt',
  'photos/1.jpg',
  'old.log',
  'v2',
  '.git/config',
  'backup.123',
  'x.broken',
  'b'.repeat(63),
];

test('what has no name of our own is never trimmed, wherever it stands', async () => {
  const folder = await cacheWith('a'.repeat(64));
  for (const name of [...names, 'logs/a@1', '.'])
    for (const each of foreign) writeFiles(folder, { [`${name}/${each}`]: 'precious' });
  const before = listCacheEntries(folder).flatMap(({ paths }) => paths);
  for (const each of foreign)
    assert.equal(
      before.filter((file) => file.includes(`/${each}`)),
      [],
      each,
    );
});

test('nothing is trimmed through a link, not even what has a name of our own', async () => {
  const key = 'a'.repeat(64);
  const own = {
    records: `v1%3a${key}`,
    latest: 'v1%3aa%3a1',
    manifests: `v1%3a${key}`,
    tests: `v1%3a${key}`,
    files: `${key}/x`,
    logs: `a@1/${log}`,
    work: '0123456789ab-aB3dE9/x',
    definitions: '0123456789abcdef.mjs',
  };
  const [disk, folder] = [tempFolder(), tempFolder()];
  for (const [name, file] of Object.entries(own)) writeFiles(disk, { [`${name}/${file}`]: '{}' });
  for (const name of names) symlinkSync(path.join(disk, name), path.join(folder, name));
  assert.equal(listCacheEntries(folder), []);
  assert.equal(linkedFolders(folder).length, names.length);
  // A folder of one task's logs, and files behind a link whose record stands here.
  const other = await cacheWith(key);
  rmSync(path.join(other, 'files'), { recursive: true });
  symlinkSync(path.join(disk, 'files'), path.join(other, 'files'));
  mkdirSync(path.join(other, 'logs'));
  symlinkSync(path.join(disk, 'logs/a@1'), path.join(other, 'logs/a@1'));
  const kept = listCacheEntries(other);
  assert.equal(
    kept.filter(({ kind }) => kind === 'result' || kind === 'log' || kind === 'leftover'),
    [],
  );
});

test('a new log takes only our own logs away, none through a link, and writes through none', () => {
  const folder = tempFolder();
  const at = (minute: number): Date => new Date(Date.UTC(2026, 10, 24, 12, minute));
  const fill = (minute: number): string => {
    const opened = openLog(folder, 'a:1', at(minute), assert.unreachable);
    opened.line(`line ${minute}`);
    opened.close();
    return opened.path;
  };
  writeFiles(folder, { 'logs/a@1/mine.log': 'precious' });
  for (let minute = 0; minute < 8; minute++) fill(minute);
  assert.is(listLogs(folder, 'a:1').length, 5);
  assert.ok(existsSync(path.join(folder, 'logs/a@1/mine.log')));
  // The same moment again, and a link in the place of a log.
  const again = fill(7);
  assert.match(again, /-2\.log$/);
  const victim = path.join(folder, 'victim');
  writeFileSync(victim, 'text');
  symlinkSync(victim, path.join(folder, `logs/a@1/${at(9).toISOString().replace(/:/g, '-')}.log`));
  fill(9);
  assert.is(readFileSync(victim, 'utf8'), 'text');
  // Through a link nothing goes.
  const disk = tempFolder();
  rmSync(path.join(folder, 'logs'), { recursive: true });
  symlinkSync(disk, path.join(folder, 'logs'));
  for (let minute = 0; minute < 8; minute++) fill(minute);
  assert.is(readdirSync(path.join(disk, 'a@1')).length, 8);
});

test('names longer than a file name may be: logs and records are kept and found', async () => {
  const folder = tempFolder();
  const tasks = ['a', 'b'].map((last) => `team/${'n'.repeat(230)}${last}:${'v'.repeat(90)}`);
  const records = openRecords(folder, (message) => assert.unreachable(message));
  for (const task of tasks) {
    openLog(folder, task, now, assert.unreachable).close();
    const key = createHash('sha256').update(task).digest('hex');
    const record = { key, task, needs: {}, bytes: 5, durationMs: 1, tags: [], time: now.toISOString() };
    await records.put(record, { schema: 1, lines: [] });
  }
  for (const task of tasks) {
    assert.is(listLogs(folder, task).length, 1);
    assert.is((await records.latest([task])).get(task)?.task, task);
  }
});

test('marking what was used follows no link', async () => {
  const key = 'a'.repeat(64);
  const folder = await cacheWith(key);
  const [record, victim] = [path.join(folder, 'records', `v1%3a${key}`), path.join(folder, 'victim')];
  writeFileSync(victim, '');
  utimesSync(victim, 1, 1);
  rmSync(record);
  symlinkSync(victim, record);
  lutimesSync(record, 1, 1);
  markUsed(folder, [key], now);
  assert.is(lstatSync(victim).mtimeMs, 1000);
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
    selectExpired(listCacheEntries(folder), new Set(), now).filter(({ kind }) => kind === 'result'),
    [],
  );
  age();
  removeEntries(selectExpired(listCacheEntries(folder), new Set(), now));
  assert.equal([existsSync(record), readdirSync(path.join(folder, 'files'))], [false, []]);
  assert.ok(existsSync(path.join(folder, 'latest')), 'what explains the next build stays');
});

test('a cache folder that is not there holds nothing', () => {
  assert.equal(listCacheEntries(path.join(tempFolder(), 'none')), []);
  const folder = tempFolder();
  mkdirSync(path.join(folder, 'records'));
  assert.equal(listCacheEntries(folder), []);
});

test.run();
