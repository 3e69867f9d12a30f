import type { ContextEntry } from '../model/ports.ts';
import { makeFolder, type SentFolder } from './context-entries.ts';

/** The named contexts of a build as BuildKit gets them. */
export interface NamedFolders {
  /** The folders that the engine may read, by their names in the session. */
  readonly folders: ReadonlyMap<string, SentFolder>;
  /** By the name of the context: `local:` and the name of a folder, or an address. */
  readonly addresses: Readonly<Record<string, string>>;
}

/**
 * Names each folder after its digest. An engine keeps what it was sent under the folder's name, the context's name and the shared
 * key of the session, and compares only sizes and times with it (moby/buildkit source/local, frontend/dockerui/namedcontext.go). So
 * another content must have another name.
 */
export function nameFolders(
  contexts: Readonly<Record<string, readonly ContextEntry[] | string>>,
): NamedFolders {
  const folders = new Map<string, SentFolder>();
  const addresses: Record<string, string> = {};
  for (const [name, content] of Object.entries(contexts)) {
    if (typeof content === 'string') {
      addresses[name] = content;
      continue;
    }
    const folder = makeFolder(content);
    const key = `context-${folder.digest.slice(0, 32)}`;
    folders.set(key, folder);
    addresses[name] = `local:${key}`;
  }
  return { folders, addresses };
}
