import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  realpathSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { temporaryName, writeFileAtomic } from './write.ts';

// A path that a user chose may be a link, a device or a mount.

/**
 * Checks that a file can be written, and makes its folder. An existing file keeps its content; a new file is not left behind.
 * @throws Error
 */
export function checkChosenFile(file: string): void {
  makeFolder(path.dirname(file));
  const state = statSync(file, { throwIfNoEntry: false });
  if (state === undefined) {
    if (lstatSync(file, { throwIfNoEntry: false }) !== undefined) throw new Error(`${file} is a broken link`);
    // Under another name: an empty file must not look like a result.
    const probe = temporaryName(path.join(path.dirname(file), 'probe'));
    closeSync(openSync(probe, 'wx'));
    unlinkSync(probe);
  } else if (state.isFile()) closeSync(openSync(file, 'r+'));
  else if (state.isDirectory()) throw new Error(`${file} is a folder`);
  else accessSync(file, constants.W_OK);
}

/** Writes a file, in one step where that is possible: a reader sees the old content or the new one. @throws the error of the write */
export function writeChosenFile(file: string, content: string): void {
  const state = statSync(file, { throwIfNoEntry: false });
  if (state === undefined) writeFileAtomic(file, content);
  else if (!state.isFile()) writeFileSync(file, content);
  else
    try {
      writeFileAtomic(realpathSync(file), content);
    } catch {
      // The folder is read-only, or the file is a mount.
      writeFileSync(file, content);
    }
}

/** Node's own `recursive` never ends where a file system refuses new folders with ENOENT, as /proc does (seen with Node 20). */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(path.dirname(folder));
  mkdirSync(folder);
}
