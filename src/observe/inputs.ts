import { statSync } from 'node:fs';
import path from 'node:path';
import picomatch from 'picomatch';
import type { Entry } from '../model/observed.ts';
import type { Memo } from './memo.ts';
import { everything, type Filter, readEntry, walk } from './walk.ts';

/**
 * What globs relative to the root match, sorted, each path once. A pattern that names a folder means all below it.
 * Hidden files match like others. Returns the patterns without glob characters that name nothing as `missing`.
 * @throws Unreadable
 */
export function readInputs(
  root: string,
  patterns: readonly string[],
  memo: Memo,
): { entries: Entry[]; missing: string[] } {
  const entries = new Map<string, Entry>();
  const missing: string[] = [];
  for (const pattern of patterns) {
    const { base, isGlob } = picomatch.scan(pattern);
    const start = path.join(root, isGlob ? base : pattern);
    const stat = statSync(start, { throwIfNoEntry: false });
    if (stat === undefined && !isGlob) missing.push(pattern);
    for (const entry of isGlob ? matching(root, base, pattern, memo) : named(root, pattern, memo))
      entries.set(entry.path, entry);
  }
  const sorted = [...entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { entries: sorted, missing };
}

function matching(root: string, base: string, pattern: string, memo: Memo): Entry[] {
  const folder = path.join(root, base);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  const isMatch = picomatch(pattern, { dot: true });
  const below = (child: string): string => (base === '' ? child : `${base}/${child}`);
  const filter: Filter = {
    omits: (child) => below(child) === '.cache' || !isMatch(below(child)),
    mayEnter: (child) => below(child) !== '.cache',
  };
  return walk(folder, filter, memo)
    .map((entry) => ({ ...entry, path: below(entry.path) }))
    .filter((entry) => isMatch(entry.path));
}

function named(root: string, pattern: string, memo: Memo): Entry[] {
  const absolute = path.join(root, pattern);
  const clean = path.posix.normalize(pattern).replace(/\/$/, '');
  if (!statSync(absolute, { throwIfNoEntry: false })) return [];
  const entry = readEntry(absolute, clean, memo);
  if (entry?.type !== 'dir') return entry ? [entry] : [];
  return [
    entry,
    ...walk(absolute, everything, memo).map((child) => ({ ...child, path: `${clean}/${child.path}` })),
  ];
}
