import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { isLink } from '../disk/disk.ts';
import type { Key } from '../model/record.ts';
import { outputFolder, readOutputs } from '../observe/outputs.ts';
import type { Services } from './services.ts';

/**
 * An empty folder for a task to write into; absolute, and never the same twice: what a killed run left going must not
 * write into this one's results. What such runs left behind is removed; the caller holds the key's lock.
 */
export function makeWorkFolder(key: Key, services: Pick<Services, 'cacheFolder'>): string {
  const parent = path.join(services.cacheFolder, 'work');
  const prefix = `${key.slice(0, 12)}-`;
  mkdirSync(parent, { recursive: true });
  // Where it is a link to another disk, nothing that was there before is removed.
  const isOwn = (name: string): boolean =>
    name.startsWith(prefix) && /^\w{6}$/.test(name.slice(prefix.length));
  for (const name of isLink(parent) ? [] : readdirSync(parent))
    if (isOwn(name)) rmSync(path.join(parent, name), { recursive: true, force: true });
  return mkdtempSync(path.join(parent, prefix));
}

/** Moves what a task wrote to where its key's files are kept, and says what it is. */
export function storeOutputs(
  folder: string,
  key: Key,
  services: Pick<Services, 'cacheFolder' | 'memo'>,
): { filesDigest: string; bytes: number } {
  const kept = outputFolder(services.cacheFolder, key);
  mkdirSync(path.dirname(kept), { recursive: true });
  rmSync(kept, { recursive: true, force: true });
  renameSync(folder, kept);
  const { digest, bytes } = readOutputs(kept, services.memo);
  services.memo.save();
  return { filesDigest: digest, bytes };
}
