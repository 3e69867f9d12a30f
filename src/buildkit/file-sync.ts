import type { SentEntry, SentFolder } from './context-entries.ts';

/** The folder that an engine asks for, and the paths in it that it needs; none means all. */
export interface FolderRequest {
  readonly name: string;
  readonly followPaths: readonly string[];
}

/**
 * Reads the headers of FileSync/DiffCopy (session/filesync/filesync.go). Values with characters outside of ASCII are escaped like a
 * query, which a header `<name>-encoded: 1` says.
 */
export function parseFolderRequest(headers: ReadonlyMap<string, readonly string[]>): FolderRequest {
  const valuesOf = (key: string): readonly string[] => {
    const values = headers.get(key) ?? [];
    return headers.get(`${key}-encoded`)?.[0] === '1' ? values.map(unescapeQuery) : values;
  };
  return { name: valuesOf('dir-name')[0] ?? '', followPaths: valuesOf('followpaths') };
}

function unescapeQuery(value: string): string {
  return decodeURIComponent(value.replaceAll('+', ' '));
}

/**
 * Returns the entries that answer a request, or undefined for an unknown folder. An engine gets the whole folder, whatever paths
 * it asks for: everything in it is an input of the build, and the engine keeps one copy of it under the folder's digest. The
 * patterns of ignore files were applied when the folder was read.
 *
 * Docker before 25.0 asks for `.dockerignore` alone, unless the context is a frontend input. The answer is this file, not a second
 * copy of everything. It has no effect, because the Dockerfile has an ignore file of its own; but the request of a Dockerfile that
 * copies `.dockerignore` looks the same, and it needs the file.
 */
export function selectEntries(
  folders: ReadonlyMap<string, SentFolder>,
  { name, followPaths }: FolderRequest,
): readonly SentEntry[] | undefined {
  const entries = folders.get(name)?.entries;
  if (entries === undefined || followPaths.length !== 1 || followPaths[0] !== '.dockerignore') return entries;
  const found = entries.filter(({ entry }) => entry.path === '.dockerignore');
  return found.every(({ entry }) => entry.type === 'file') ? found : entries;
}
