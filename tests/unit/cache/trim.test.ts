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
import { removeEntries, selectExpired, type TrimLimits, touchRecords } from '../../../src/cache/trim.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('trimming .cache');
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
const entry = (
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
const expired = (entries: readonly CacheEntry[], inUse: readonly string[] = []): string[] =>
  selectExpired(entries, new Set(inUse), now, limits).map(({ paths }) => paths[0]!);

test('an entry expires when it is unused for the limit of its kind', () => {
  const kinds = Object.keys(limits.maxAges) as CacheEntry['kind'][];
  for (const kind of kinds) {
    const age = limits.maxAges[kind] / day;
    assert.equal(expired([entry(kind, 'old', age + 0.1), entry(kind, 'new', age - 0.1)]), ['old'], kind);
  }
});

test('an entry that a plan uses never expires', () => {
  const entries = [
    entry('result', 'used', 400, { key: 'k', bytes: 1_000 }),
    entry('manifest', 'its manifest', 400, { key: 'k' }),
    entry('result', 'unused', 1, { key: 'j' }),
  ];
  assert.equal(expired(entries, ['k']), ['unused']);
});

test('the least recently used results expire until the rest fits', () => {
  const entries = [3, 1, 2].map((days) =>
    entry('result', `${days} days`, days, { key: `k${days}`, bytes: 60 }),
  );
  assert.equal(expired(entries), ['3 days', '2 days']);
  assert.equal(expired(entries.map((each) => ({ ...each, bytes: 30 }))), []);
});

test('a manifest is kept as long as a record with its key', () => {
  const manifest = entry('manifest', 'manifest', 50, { key: 'k' });
  assert.equal(expired([manifest]), ['manifest']);
  assert.equal(expired([manifest, entry('latest', 'latest', 50, { key: 'k' })]), []);
  assert.equal(expired([manifest, entry('result', 'result', 50, { key: 'k' })]), ['manifest', 'result']);
  assert.equal(expired([manifest, entry('result', 'result', 5, { key: 'k' })]), []);
});

/** Creates a cache folder with one result. */
async function cacheWith(key: string): Promise<string> {
  const folder = tempFolder();
  const records = openRecords(folder, (message) => assert.unreachable(message));
  const record = { key, task: 'a:1', needs: {}, bytes: 5, durationMs: 1, tags: [], time: now.toISOString() };
  await records.put(record, { schema: 1, lines: [] });
  writeFiles(folder, { [`files/${key}/dir/file`]: '12345' });
  return folder;
}

test('all entries are listed with their size and key, and leftovers are recognized', async () => {
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
  const entries = listCacheEntries(folder);
  const names = (kind: CacheEntry['kind']): string[] =>
    entries.filter((each) => each.kind === kind).map(({ paths }) => path.relative(folder, paths[0]!));
  assert.equal(names('result'), [`records/v1%3a${key}`]);
  const [result] = entries.filter(({ kind }) => kind === 'result');
  assert.is(result!.key, key);
  assert.ok(result!.bytes > 5 && result!.bytes < 1000);
  assert.equal(
    entries.filter(({ kind }) => kind === 'latest').map((each) => each.key),
    [key],
  );
  assert.equal(
    entries.filter(({ kind }) => kind === 'manifest').map((each) => each.key),
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

const folderNames = ['records', 'latest', 'manifests', 'tests', 'files', 'logs', 'work', 'definitions'];
const otherFiles = [
  'notes.txt',
  'photos/1.jpg',
  'old.log',
  'v2',
  '.git/config',
  'backup.123',
  'x.broken',
  'b'.repeat(63),
];

test('files with other names than tasks gives are never trimmed', async () => {
  const folder = await cacheWith('a'.repeat(64));
  for (const name of [...folderNames, 'logs/a@1', '.'])
    for (const file of otherFiles) writeFiles(folder, { [`${name}/${file}`]: 'precious' });
  const listed = listCacheEntries(folder).flatMap(({ paths }) => paths);
  for (const name of otherFiles)
    assert.equal(
      listed.filter((file) => file.includes(`/${name}`)),
      [],
      name,
    );
});

test('nothing is trimmed through a link, even with a name that tasks gives', async () => {
  const key = 'a'.repeat(64);
  const fileNames = {
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
  for (const [name, file] of Object.entries(fileNames)) writeFiles(disk, { [`${name}/${file}`]: '{}' });
  for (const name of folderNames) symlinkSync(path.join(disk, name), path.join(folder, name));
  assert.equal(listCacheEntries(folder), []);
  assert.equal(linkedFolders(folder).length, folderNames.length);
  // Only the log folder of a task is a link, and the files of a record that is not behind a link.
  const other = await cacheWith(key);
  rmSync(path.join(other, 'files'), { recursive: true });
  symlinkSync(path.join(disk, 'files'), path.join(other, 'files'));
  mkdirSync(path.join(other, 'logs'));
  symlinkSync(path.join(disk, 'logs/a@1'), path.join(other, 'logs/a@1'));
  assert.equal(
    listCacheEntries(other).filter(({ kind }) => kind === 'result' || kind === 'log' || kind === 'leftover'),
    [],
  );
});

test('creating a log removes only old logs, and never removes or writes through a link', () => {
  const folder = tempFolder();
  const at = (minute: number): Date => new Date(Date.UTC(2026, 10, 24, 12, minute));
  const writeLog = (minute: number): string => {
    const opened = openLog(folder, 'a:1', at(minute), assert.unreachable);
    opened.line(`line ${minute}`);
    opened.close();
    return opened.path;
  };
  writeFiles(folder, { 'logs/a@1/mine.log': 'precious' });
  for (let minute = 0; minute < 8; minute++) writeLog(minute);
  assert.is(listLogs(folder, 'a:1').length, 5);
  assert.ok(existsSync(path.join(folder, 'logs/a@1/mine.log')));
  // The same time again, and a link with the name of a log.
  assert.match(writeLog(7), /-2\.log$/);
  const target = path.join(folder, 'target');
  writeFileSync(target, 'text');
  symlinkSync(target, path.join(folder, `logs/a@1/${at(9).toISOString().replace(/:/g, '-')}.log`));
  writeLog(9);
  assert.is(readFileSync(target, 'utf8'), 'text');
  const disk = tempFolder();
  rmSync(path.join(folder, 'logs'), { recursive: true });
  symlinkSync(disk, path.join(folder, 'logs'));
  for (let minute = 0; minute < 8; minute++) writeLog(minute);
  assert.is(readdirSync(path.join(disk, 'a@1')).length, 8);
});

test('task names can be longer than file names', async () => {
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

test('recording the last use does not follow a link', async () => {
  const key = 'a'.repeat(64);
  const folder = await cacheWith(key);
  const [record, target] = [path.join(folder, 'records', `v1%3a${key}`), path.join(folder, 'target')];
  writeFileSync(target, '');
  utimesSync(target, 1, 1);
  rmSync(record);
  symlinkSync(target, record);
  lutimesSync(record, 1, 1);
  touchRecords(folder, [key], now);
  assert.is(lstatSync(target).mtimeMs, 1000);
});

test('a result is removed with its files, unless it was used recently', async () => {
  const key = 'a'.repeat(64);
  const folder = await cacheWith(key);
  const record = path.join(folder, 'records', `v1%3a${key}`);
  const makeOld = (): void => utimesSync(record, new Date(ago(40)), new Date(ago(40)));
  makeOld();
  touchRecords(folder, [key, 'b'.repeat(64)], now);
  assert.is(lstatSync(record).mtimeMs, now.getTime());
  assert.equal(
    selectExpired(listCacheEntries(folder), new Set(), now).filter(({ kind }) => kind === 'result'),
    [],
  );
  makeOld();
  removeEntries(selectExpired(listCacheEntries(folder), new Set(), now));
  assert.equal([existsSync(record), readdirSync(path.join(folder, 'files'))], [false, []]);
  assert.ok(
    existsSync(path.join(folder, 'latest')),
    'the latest record, which explains the next build, stays',
  );
});

test('a missing cache folder has no entries', () => {
  assert.equal(listCacheEntries(path.join(tempFolder(), 'none')), []);
  const folder = tempFolder();
  mkdirSync(path.join(folder, 'records'));
  assert.equal(listCacheEntries(folder), []);
});

test.run();
