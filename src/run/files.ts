import { mkdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Key } from '../model/record.ts';
import { keptFolder, readTree } from '../observe/kept.ts';
import type { Services } from './services.ts';

/** An empty folder for a task to write into; absolute. What an earlier, ended run left there is removed. */
export function workFolder(key: Key, services: Pick<Services, 'cacheFolder'>): string {
  const folder = path.join(services.cacheFolder, 'work', key.slice(0, 12));
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Moves what a task wrote to where its key's files are kept, and says what it is. */
export function keepFiles(
  folder: string,
  key: Key,
  services: Pick<Services, 'cacheFolder' | 'memo'>,
): { filesDigest: string; bytes: number } {
  const kept = keptFolder(services.cacheFolder, key);
  mkdirSync(path.dirname(kept), { recursive: true });
  rmSync(kept, { recursive: true, force: true });
  renameSync(folder, kept);
  const { digest, bytes } = readTree(kept, services.memo);
  services.memo.save();
  return { filesDigest: digest, bytes };
}
