import { execFileSync } from 'node:child_process';
import { cpSync, lstatSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { tempFolder } from './temp.ts';

/** Copies the program, because other tests use the original. Returns the path of the copy's dist folder. */
export function copyProgram(): string {
  const folder = tempFolder();
  cpSync('dist', path.join(folder, 'dist'), { recursive: true });
  symlinkSync(path.resolve('node_modules'), path.join(folder, 'node_modules'));
  return path.join(folder, 'dist');
}

/** Returns the compiled files of this Node version, which may differ from that of the build. */
export function compiledFiles(dist: string): string[] {
  return readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(`-${process.version}-${process.arch}.compiled`))
    .sort();
}

/** Returns the inode and time of each compiled file, which change when it is rewritten. */
export function fileStamps(dist: string): Record<string, string> {
  const stampOf = (name: string): string => {
    const { ino, mtimeMs } = lstatSync(path.join(dist, name));
    return `${ino} ${mtimeMs}`;
  };
  return Object.fromEntries(compiledFiles(dist).map((name) => [name, stampOf(name)]));
}

/** Returns the compiled files that V8 rejects in a new process. */
export function rejectedFiles(dist: string): string[] {
  const script = `const { readFileSync } = require('node:fs');
    const isRejected = (file) => new (require('node:vm').Script)(
      readFileSync(file.replace(/-[0-9a-f]{12}-v.*/, '.js'), 'latin1'), { filename: file, cachedData: readFileSync(file) },
    ).cachedDataRejected;
    process.stdout.write(JSON.stringify(process.argv.slice(1).filter(isRejected)));`;
  const files = compiledFiles(dist).map((name) => path.join(dist, name));
  return JSON.parse(
    execFileSync(process.execPath, ['-e', script, ...files], { encoding: 'utf8' }),
  ) as string[];
}
