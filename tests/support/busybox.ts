import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';

const folder = path.resolve('node_modules/.cache/busybox');

/**
 * The path of a static busybox: images of some hundred kilobytes that can run something, without any registry. It comes
 * from Debian's archive (fetched once, not installed), or is the machine's own.
 */
export function busybox(): string {
  const kept = path.join(folder, 'busybox');
  if (existsSync(kept)) return kept;
  const part = `${folder}.${process.pid}`;
  mkdirSync(part, { recursive: true });
  try {
    const quiet = { cwd: part, stdio: 'ignore' } as const;
    try {
      execFileSync('apt-get', ['download', 'busybox-static'], quiet);
    } catch {
      // The package lists may be missing or old.
      execFileSync('apt-get', ['update'], quiet);
      execFileSync('apt-get', ['download', 'busybox-static'], quiet);
    }
    const [archive] = readdirSync(part);
    execFileSync('dpkg-deb', ['--extract', archive!, 'x'], quiet);
    mkdirSync(folder, { recursive: true });
    const found = ['bin/busybox', 'usr/bin/busybox']
      .map((name) => path.join(part, 'x', name))
      .find((file) => existsSync(file));
    renameSync(found!, kept);
    return kept;
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}
