import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { isLink } from '../disk/disk.ts';
import type { Key } from '../model/record.ts';
import { outputFolder, readOutputs } from '../observe/outputs.ts';
import type { Services } from './services.ts';

/**
 * Creates an empty folder for a task's files and returns its absolute path. The path is new each time, so that processes left by
 * a killed run cannot write to it. Removes folders of earlier runs; the caller must hold the key's lock.
 */
export function makeWorkFolder(key: Key, services: Pick<Services, 'cacheFolder'>): string {
  const parent = path.join(services.cacheFolder, 'work');
  const prefix = `${key.slice(0, 12)}-`;
  mkdirSync(parent, { recursive: true });
  // Remove nothing if the parent is a link, for example to another disk.
  const isLeftover = (name: string): boolean =>
    name.startsWith(prefix) && /^\w{6}$/.test(name.slice(prefix.length));
  for (const name of isLink(parent) ? [] : readdirSync(parent))
    if (isLeftover(name)) rmSync(path.join(parent, name), { recursive: true, force: true });
  return mkdtempSync(path.join(parent, prefix));
}

/** Moves a task's files to the output folder of its key. Returns their digest and total size. */
export function storeOutputs(
  folder: string,
  key: Key,
  services: Pick<Services, 'cacheFolder' | 'memo'>,
): { filesDigest: string; bytes: number } {
  const outputs = outputFolder(services.cacheFolder, key);
  mkdirSync(path.dirname(outputs), { recursive: true });
  rmSync(outputs, { recursive: true, force: true });
  renameSync(folder, outputs);
  const { digest, bytes } = readOutputs(outputs, services.memo);
  services.memo.save();
  return { filesDigest: digest, bytes };
}
