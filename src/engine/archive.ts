import { type Pack, pack as startPack } from 'tar-stream';
import type { FileEntry } from '../model/observed.ts';
import type { ContextEntry } from '../model/ports.ts';
import { readVerifiedBytes } from './verified-read.ts';

/** The one modification time of everything that an engine is given. Zip-like tools cannot read anything before 1980. */
export const fixedMtime = new Date(Date.UTC(1980, 0, 2));

/** The modes that an engine is given: what is on disk hangs on the umask of who checked it out. */
export function normalizedMode(entry: FileEntry): number {
  if (entry.type === 'link') return 0o777;
  return entry.type === 'dir' || (entry.type === 'file' && entry.executable) ? 0o755 : 0o644;
}

/** A small archive in memory. @throws StepFailed where a file is not what was hashed */
export async function packFiles(files: readonly ContextEntry[]): Promise<Buffer> {
  const pack = startPack();
  const chunks: Buffer[] = [];
  const collected = collect(pack, chunks);
  for (const { entry, source } of files) add(pack, entry, source);
  pack.finalize();
  await collected;
  return Buffer.concat(chunks);
}

async function collect(pack: Pack, chunks: Buffer[]): Promise<void> {
  for await (const chunk of pack as AsyncIterable<Buffer>) chunks.push(chunk);
}

function add(pack: Pack, entry: FileEntry, source: string): void {
  const header = { name: entry.path, mtime: fixedMtime, uid: 0, gid: 0, mode: normalizedMode(entry) };
  switch (entry.type) {
    case 'file':
      pack.entry({ ...header, type: 'file' }, readVerifiedBytes(source, entry.digest));
      return;
    case 'dir':
      pack.entry({ ...header, type: 'directory' });
      return;
    case 'link':
      pack.entry({ ...header, type: 'symlink', linkname: entry.target });
      return;
    case 'fifo':
      pack.entry({ ...header, type: 'fifo' });
  }
}
