import { execFile } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  fchmodSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

/** Permissions and modification time (in seconds) of an entry. */
export interface EntryAttributes {
  readonly permissions: number;
  readonly mtime: number;
}

/** A file that is being written. */
export interface NewFile {
  write(data: Uint8Array): void;
  /** Sets permissions and time, and closes the file. */
  finish(): void;
  close(): void;
}

/** Writes a tree into a folder. Paths must have been checked: their parents are folders that were added before. */
export interface TreeWriter {
  addFolder(name: string, attributes: EntryAttributes): void;
  /** Creates a file, which must not exist. */
  createFile(name: string, attributes: EntryAttributes): NewFile;
  addSymlink(name: string, target: Uint8Array, attributes: EntryAttributes): void;
  addPipe(name: string, attributes: EntryAttributes): Promise<void>;
  /** Makes a second name for a file that was created. */
  addHardLink(name: string, existing: string): void;
  /** Sets permissions and times of folders, for writing into a folder needs the first and changes the second. */
  finish(): void;
}

/** Returns a writer for an empty folder. Nothing is ever overwritten, and no symlink is followed. @throws if it is not empty */
export function makeTreeWriter(folder: string): TreeWriter {
  if (!lstatSync(folder).isDirectory() || readdirSync(folder).length > 0)
    throw new Error(`${folder} is not an empty folder`);
  const folders: { full: string; attributes: EntryAttributes }[] = [];
  const fullPath = (name: string): string => path.join(folder, name);
  return {
    addFolder(name, attributes) {
      const full = fullPath(name);
      mkdirSync(full, 0o700);
      folders.push({ full, attributes });
    },
    createFile: (name, attributes) => createFile(fullPath(name), attributes),
    addSymlink(name, target, { mtime }) {
      const full = fullPath(name);
      symlinkSync(Buffer.from(target), full);
      lutimesSync(full, mtime, mtime);
    },
    async addPipe(name, { permissions, mtime }) {
      const full = fullPath(name);
      // Node cannot make one.
      await promisify(execFile)('mkfifo', [full]);
      chmodSync(full, permissions);
      utimesSync(full, mtime, mtime);
    },
    addHardLink(name, existing) {
      linkSync(fullPath(existing), fullPath(name));
    },
    finish() {
      for (const { full, attributes } of folders.reverse()) {
        utimesSync(full, attributes.mtime, attributes.mtime);
        chmodSync(full, attributes.permissions);
      }
    },
  };
}

function createFile(full: string, { permissions, mtime }: EntryAttributes): NewFile {
  // `wx` is O_EXCL, which does not follow a symlink.
  const descriptor = openSync(full, 'wx', 0o600);
  let isOpen = true;
  const close = (): void => {
    if (isOpen) closeSync(descriptor);
    isOpen = false;
  };
  return {
    write(data) {
      for (let at = 0; at < data.byteLength; ) at += writeSync(descriptor, data, at);
    },
    finish() {
      futimesSync(descriptor, mtime, mtime);
      fchmodSync(descriptor, permissions);
      close();
    },
    close,
  };
}
