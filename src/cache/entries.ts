import { existsSync, lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { isLink } from '../disk/disk.ts';
import { readRegularFile } from '../disk/read.ts';
import type { Key } from '../model/record.ts';
import {
  definitionFileName,
  keyFolderName,
  logFileName,
  logMarkName,
  unfinishedStateName,
  unfinishedValueName,
  valueName,
  workFolderName,
} from './name-patterns.ts';

/** An entry of a project's cache folder, which can be removed independently of the others. */
export interface CacheEntry {
  /**
   * `result`: a record and its task's output files. `latest`: a task's latest record, which with its `manifest` explains the
   * next build. `pass`: a passed test. `leftover`: a file that a killed run left.
   */
  readonly kind: 'result' | 'latest' | 'manifest' | 'log' | 'pass' | 'leftover';
  /** Absolute paths, in the order in which they must be removed. */
  readonly paths: readonly string[];
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly usedAt: number;
  /** Set for results, manifests and latest records. */
  readonly key?: Key;
}

/** The folders in a cache folder that hold entries. */
const folders = ['records', 'latest', 'manifests', 'tests', 'files', 'logs', 'work', 'definitions'];

/** Returns the paths of those folders that are links. Nothing is removed through a link. */
export function linkedFolders(cacheFolder: string): string[] {
  return folders.map((name) => path.join(cacheFolder, name)).filter(isLink);
}

/**
 * Returns everything in a cache folder that `tasks clean` may remove: files with a name that tasks gives, and not behind a
 * link. The memo and the locks are not included: their size is bounded.
 */
export function listCacheEntries(cacheFolder: string): CacheEntry[] {
  const inFolder = (name: string, pattern: RegExp): string[] =>
    matchingPaths(path.join(cacheFolder, name), pattern);
  const values = (name: string): string[] => inFolder(name, valueName);
  const keyOf = (file: string): Key | undefined => /[0-9a-f]{64}$/.exec(file)?.[0];
  const results = values('records').flatMap((file) => resultEntry(file, keyOf(file), cacheFolder));
  const recorded = new Set(results.map(({ key }) => key));
  const orphans = inFolder('files', keyFolderName).filter((folder) => !recorded.has(path.basename(folder)));
  const unfinishedValues = ['records', 'latest', 'manifests', 'tests'].flatMap((name) =>
    inFolder(name, unfinishedValueName),
  );
  return [
    ...results,
    ...values('latest').map((file) => entry('latest', file, readRecordKey(file))),
    ...values('manifests').map((file) => entry('manifest', file, keyOf(file))),
    ...values('tests').map((file) => entry('pass', file)),
    ...inFolder('logs', /./).flatMap((folder) =>
      matchingPaths(folder, logFileName).map((log) => entry('log', log)),
    ),
    ...[
      ...orphans,
      ...unfinishedValues,
      ...inFolder('work', workFolderName),
      ...inFolder('.', unfinishedStateName),
      ...unusedDefinitions(cacheFolder),
      ...inFolder('logs', /./).flatMap((folder) => matchingPaths(folder, logMarkName)),
    ].map((file) => entry('leftover', file)),
  ];
}

function resultEntry(file: string, key: Key | undefined, cacheFolder: string): CacheEntry[] {
  if (key === undefined) return [];
  const record = sizeOf(file);
  const files = path.join(cacheFolder, 'files', key);
  // The files are behind a link and must stay. Keep the record, or nothing would refer to them.
  if (isLink(path.dirname(files)) && existsSync(files)) return [];
  // The record is removed first: files without a record are unused, but a record with incomplete files is wrong.
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

function entry(kind: CacheEntry['kind'], file: string, key?: Key): CacheEntry {
  const { bytes, changedAt } = sizeOf(file);
  return { kind, paths: [file], bytes, usedAt: changedAt, ...(key !== undefined ? { key } : {}) };
}

/** Returns the size of a file or of a folder's whole content, and its own time; zeros if it does not exist. */
function sizeOf(file: string): { bytes: number; changedAt: number } {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return { bytes: 0, changedAt: 0 };
  const sizes = stat.isDirectory()
    ? namesIn(file).map((name) => sizeOf(path.join(file, name)).bytes)
    : [stat.size];
  return { bytes: sizes.reduce((sum, bytes) => sum + bytes, 0), changedAt: stat.mtimeMs };
}

function readRecordKey(file: string): Key | undefined {
  try {
    const text = readRegularFile(file).toString();
    const { value } = JSON.parse(text.slice(text.indexOf('\n') + 1)) as { value: { key: Key } };
    return value.key;
  } catch {
    // Damaged: the next read of the record sets it aside.
    return undefined;
  }
}

/** Returns compiled definitions that the index no longer lists. */
function unusedDefinitions(cacheFolder: string): string[] {
  const folder = path.join(cacheFolder, 'definitions');
  const index = path.join(folder, 'index.json');
  const files = matchingPaths(folder, definitionFileName);
  if (files.length === 0) return [];
  let text = '';
  try {
    text = readRegularFile(index).toString();
  } catch {
    // Without an index none of them is used.
  }
  return files.filter((file) => !text.includes(path.basename(file)));
}

/** Returns the absolute paths in a folder whose names match; none if the folder is a link. */
function matchingPaths(folder: string, pattern: RegExp): string[] {
  if (isLink(folder)) return [];
  return namesIn(folder)
    .filter((name) => pattern.test(name))
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
