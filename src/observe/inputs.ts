import path from 'node:path';
import picomatch from 'picomatch';
import { type Disk, kindOf } from '../disk/disk.ts';
import type { Entry } from '../model/observed.ts';
import type { Memo } from './memo.ts';
import { GlobError, safeGlob } from './safe-glob.ts';
import { everything, type Filter, readEntry, walk } from './walk.ts';

/**
 * What globs relative to the root match, sorted, each path once. A pattern that names a folder means all below it.
 * Hidden files match like others. Returns the patterns without glob characters that name nothing as `missing`, and those
 * that would take too long as `refused`.
 * @throws Unreadable
 */
export function readInputs(
  root: string,
  patterns: readonly string[],
  memo: Memo,
  disk: Disk,
): { entries: Entry[]; missing: string[]; refused: { pattern: string; reason: string }[] } {
  const entries = new Map<string, Entry>();
  const missing: string[] = [];
  const refused: { pattern: string; reason: string }[] = [];
  for (const pattern of patterns) {
    const { base, isGlob } = picomatch.scan(pattern);
    const start = path.join(root, isGlob ? base : pattern);
    if (!isGlob && kindOf(disk, start) === 'missing') missing.push(pattern);
    try {
      for (const entry of isGlob
        ? matching(root, base, pattern, memo, disk)
        : named(root, pattern, memo, disk))
        entries.set(entry.path, entry);
    } catch (error) {
      if (!(error instanceof GlobError)) throw error;
      refused.push({ pattern, reason: error.message });
    }
  }
  const sorted = [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { entries: sorted, missing, refused };
}

function matching(root: string, base: string, pattern: string, memo: Memo, disk: Disk): Entry[] {
  const folder = path.join(root, base);
  if (kindOf(disk, folder) !== 'folder') return [];
  const isMatch = safeGlob(pattern);
  const below = (child: string): string => (base === '' ? child : `${base}/${child}`);
  const filter: Filter = {
    omits: (child) => below(child) === '.cache' || !isMatch(below(child)),
    mayEnter: (child) => below(child) !== '.cache',
  };
  return walk(folder, filter, memo, disk)
    .map((entry) => ({ ...entry, path: below(entry.path) }))
    .filter((entry) => isMatch(entry.path));
}

function named(root: string, pattern: string, memo: Memo, disk: Disk): Entry[] {
  const absolute = path.join(root, pattern);
  const clean = path.posix.normalize(pattern).replace(/\/$/, '');
  if (kindOf(disk, absolute) === 'missing') return [];
  const entry = readEntry(absolute, clean, memo, disk);
  if (entry?.type !== 'dir') return entry ? [entry] : [];
  return [
    entry,
    ...walk(absolute, everything, memo, disk).map((child) => ({ ...child, path: `${clean}/${child.path}` })),
  ];
}
