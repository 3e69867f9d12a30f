import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';

const folder = path.resolve('node_modules/.cache/busybox');

/**
 * Returns the path of a static busybox, with which tests build small images that can run programs without a registry. It is
 * downloaded once from the Debian archive, and not installed.
 */
export function busybox(): string {
  const file = path.join(folder, 'busybox');
  if (existsSync(file)) return file;
  const part = `${folder}.${process.pid}`;
  mkdirSync(part, { recursive: true });
  try {
    const quiet = { cwd: part, stdio: 'ignore' } as const;
    try {
      execFileSync('apt-get', ['download', 'busybox-static'], quiet);
    } catch {
      // The package lists may be missing or outdated.
      execFileSync('apt-get', ['update'], quiet);
      execFileSync('apt-get', ['download', 'busybox-static'], quiet);
    }
    const [archive] = readdirSync(part);
    execFileSync('dpkg-deb', ['--extract', archive!, 'x'], quiet);
    mkdirSync(folder, { recursive: true });
    const extracted = ['bin/busybox', 'usr/bin/busybox']
      .map((name) => path.join(part, 'x', name))
      .find((candidate) => existsSync(candidate));
    renameSync(extracted!, file);
    return file;
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}
