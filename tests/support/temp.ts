import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const folders: string[] = [];
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Creates a folder outside of the project. It is removed when the process exits. */
export function tempFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'tasks-test-'));
  folders.push(folder);
  return folder;
}

/**
 * Writes files below a folder. The content is a text or `{ link }`. A name that ends in `/` is a folder; a `*` at the end of a
 * name makes the file executable.
 */
export function writeFiles(folder: string, files: Readonly<Record<string, string | { link: string }>>): void {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name.replace(/\*$/, ''));
    mkdirSync(name.endsWith('/') ? file : path.dirname(file), { recursive: true });
    if (name.endsWith('/')) continue;
    if (typeof content === 'object') symlinkSync(content.link, file);
    else writeFileSync(file, content);
    if (name.endsWith('*')) chmodSync(file, 0o755);
  }
}

/** Waits until the file system's clock is more than one tick past a file's times. Before that, its stamp is not trusted. */
export function waitUntilSettled(file: string): void {
  const { ctimeMs, mtimeMs } = lstatSync(file);
  // A whole millisecond may come from a coarse clock, so it settles later (src/disk/stamp.ts).
  const tick = [ctimeMs, mtimeMs].some(Number.isInteger) ? 10.01 : 0.01;
  const probe = path.join(tempFolder(), 'probe');
  do writeFileSync(probe, '');
  while (lstatSync(probe).mtimeMs <= ctimeMs + tick);
}

/** Lists everything below a folder. Unlike Node's recursive readdir, does not follow symlinks. */
export function namesBelow(folder: string, prefix = ''): string[] {
  return readdirSync(path.join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(prefix, entry.name);
    return entry.isDirectory() ? [name, ...namesBelow(folder, name)] : [name];
  });
}
