import { existsSync, lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { isLink } from '../disk/disk.ts';
import { readRegularFile } from '../disk/read.ts';
import type { Key } from '../model/record.ts';
import {
  definitionFileName,
  keyFolderName,
  logFileName,
  unfinishedStateName,
  unfinishedValueName,
  valueName,
  workFolderName,
} from './name-patterns.ts';

/** Something in a project's cache folder that can go by itself. */
export interface CacheEntry {
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

/** The folders of a cache folder that hold what may be trimmed. */
const folders = ['records', 'latest', 'manifests', 'tests', 'files', 'logs', 'work', 'definitions'];

/** Those of them that are links: what stands behind them is never trimmed. */
export function linkedFolders(cacheFolder: string): string[] {
  return folders.map((name) => path.join(cacheFolder, name)).filter(isLink);
}

/**
 * Everything in a cache folder that `tasks clean` may trim: only what has a name of our own, and does not stand behind a link.
 * The memo and locks are not among it: they bound themselves.
 */
export function listCacheEntries(cacheFolder: string): CacheEntry[] {
  const inFolder = (name: string, own: RegExp): string[] => ownIn(path.join(cacheFolder, name), own);
  const values = (name: string): string[] => inFolder(name, valueName);
  const keyOf = (file: string): Key | undefined => /[0-9a-f]{64}$/.exec(file)?.[0];
  const results = values('records').flatMap((file) => result(file, keyOf(file), cacheFolder));
  const recorded = new Set(results.map(({ key }) => key));
  const orphans = inFolder('files', keyFolderName).filter((folder) => !recorded.has(path.basename(folder)));
  const unfinishedValues = ['records', 'latest', 'manifests', 'tests'].flatMap((name) =>
    inFolder(name, unfinishedValueName),
  );
  return [
    ...results,
    ...values('latest').map((file) => one('latest', file, keyInRecord(file))),
    ...values('manifests').map((file) => one('manifest', file, keyOf(file))),
    ...values('tests').map((file) => one('pass', file)),
    ...inFolder('logs', /./).flatMap((folder) => ownIn(folder, logFileName).map((log) => one('log', log))),
    ...[
      ...orphans,
      ...unfinishedValues,
      ...inFolder('work', workFolderName),
      ...inFolder('.', unfinishedStateName),
      ...oldDefinitions(cacheFolder),
    ].map((file) => one('leftover', file)),
  ];
}

function result(file: string, key: Key | undefined, cacheFolder: string): CacheEntry[] {
  if (key === undefined) return [];
  const record = sizeOf(file);
  const files = path.join(cacheFolder, 'files', key);
  // Without its record nobody would know of files that stay.
  if (isLink(path.dirname(files)) && existsSync(files)) return [];
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

function one(kind: CacheEntry['kind'], file: string, key?: Key): CacheEntry {
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
    const text = readRegularFile(file).toString();
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
  const files = ownIn(folder, definitionFileName);
  if (files.length === 0) return [];
  let text = '';
  try {
    text = readRegularFile(index).toString();
  } catch {
    // Without an index nothing there is ever used again.
  }
  return files.filter((file) => !text.includes(path.basename(file)));
}

/** What stands in a folder under a name of our own, absolute; nothing where the folder is a link. */
function ownIn(folder: string, own: RegExp): string[] {
  if (isLink(folder)) return [];
  return namesIn(folder)
    .filter((name) => own.test(name))
    .map((name) => path.join(folder, name));
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
