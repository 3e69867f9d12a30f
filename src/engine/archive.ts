import { type Pack, pack as startPack } from 'tar-stream';
import { fixedMtime } from '../buildkit/context-entries.ts';
import { readVerifiedBytes } from '../disk/verified-file.ts';
import type { FileEntry } from '../model/observed.ts';
import type { ContextEntry } from '../model/ports.ts';

/** Returns the mode that a file is sent to an engine with. The mode on disk depends on the umask of the checkout. */
function normalizedMode(entry: FileEntry): number {
  if (entry.type === 'link') return 0o777;
  return entry.type === 'dir' || (entry.type === 'file' && entry.executable) ? 0o755 : 0o644;
}

/** Packs a few small files into a tar archive in memory. @throws FileProblem */
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
