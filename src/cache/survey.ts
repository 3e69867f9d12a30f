import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Key } from '../model/record.ts';

/** Something in a project's cache folder that can go by itself. */
export interface Kept {
  /** `result`: a record and the files made with it. `latest`: what explains a task's next build, with `manifest`. */
  readonly kind: 'result' | 'latest' | 'manifest' | 'log' | 'pass' | 'leftover';
  /** Absolute, in the order in which they must go. */
  readonly paths: readonly string[];
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly usedAt: number;
  /** Of results, manifests and latest records. */
  readonly key?: Key;
}

/** What a value that is being written, or that was set aside, looks like. */
const unfinished = /\.(broken|\d+(-[0-9a-f]{8})?)$/;

/** Everything in a cache folder that `tasks clean` may trim. The memo and locks are not among it: they bound themselves. */
export function surveyCache(cacheFolder: string): Kept[] {
  const inFolder = (name: string): string[] =>
    namesIn(path.join(cacheFolder, name)).map((each) => path.join(cacheFolder, name, each));
  const values = (name: string): string[] => inFolder(name).filter((file) => !unfinished.test(file));
  const keyOf = (file: string): Key | undefined => /[0-9a-f]{64}$/.exec(file)?.[0];
  const results = values('records').flatMap((file) => result(file, keyOf(file), cacheFolder));
  const recorded = new Set(results.map(({ key }) => key));
  const orphans = inFolder('files').filter((folder) => !recorded.has(path.basename(folder)));
  const unfinishedValues = ['records', 'latest', 'manifests', 'tests'].flatMap((name) =>
    inFolder(name).filter((file) => unfinished.test(file)),
  );
  return [
    ...results,
    ...values('latest').map((file) => one('latest', file, keyInRecord(file))),
    ...values('manifests').map((file) => one('manifest', file, keyOf(file))),
    ...values('tests').map((file) => one('pass', file)),
    ...inFolder('logs').flatMap((folder) => namesIn(folder).map((log) => one('log', path.join(folder, log)))),
    ...[...orphans, ...unfinishedValues, ...inFolder('work'), ...oldDefinitions(cacheFolder)].map((file) =>
      one('leftover', file),
    ),
  ];
}

function result(file: string, key: Key | undefined, cacheFolder: string): Kept[] {
  if (key === undefined) return [];
  const record = sizeOf(file);
  const files = path.join(cacheFolder, 'files', key);
  // The record first: without it the files are nothing, with it they must be whole.
  return [
    {
      kind: 'result',
      paths: [file, files],
      bytes: record.bytes + sizeOf(files).bytes,
      usedAt: record.changedAt,
      key,
    },
  ];
}

function one(kind: Kept['kind'], file: string, key?: Key): Kept {
  const { bytes, changedAt } = sizeOf(file);
  return { kind, paths: [file], bytes, usedAt: changedAt, ...(key !== undefined ? { key } : {}) };
}

/** Of a file, or of a folder with all that is in it; the time is its own. Nothing where it is not there. */
function sizeOf(file: string): { bytes: number; changedAt: number } {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return { bytes: 0, changedAt: 0 };
  const inside = stat.isDirectory()
    ? namesIn(file).map((name) => sizeOf(path.join(file, name)).bytes)
    : [stat.size];
  return { bytes: inside.reduce((sum, bytes) => sum + bytes, 0), changedAt: stat.mtimeMs };
}

function keyInRecord(file: string): Key | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    const { value } = JSON.parse(text.slice(text.indexOf('\n') + 1)) as { value: { key: Key } };
    return value.key;
  } catch {
    // Damaged: whoever needs it will set it aside.
    return undefined;
  }
}

/** Compiled definitions that the index no longer names. */
function oldDefinitions(cacheFolder: string): string[] {
  const folder = path.join(cacheFolder, 'definitions');
  const index = path.join(folder, 'index.json');
  const names = namesIn(folder).filter((name) => name !== 'index.json');
  if (names.length === 0) return [];
  let text = '';
  try {
    text = readFileSync(index, 'utf8');
  } catch {
    // Without an index nothing there is ever used again.
  }
  return names.filter((name) => !text.includes(name)).map((name) => path.join(folder, name));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
