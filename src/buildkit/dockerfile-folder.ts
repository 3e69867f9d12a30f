import { makeFolder, memoryEntry, type SentFolder } from './context-entries.ts';

/** The folder of a Dockerfile, and the name under which the engine asks for it. */
export interface DockerfileFolder {
  readonly key: string;
  readonly folder: SentFolder;
}

/**
 * Takes precedence over any ignore file in the context. It has no patterns, but it is not empty: frontends that run in a container
 * (`# syntax=`) cannot distinguish an empty file from none.
 */
const ignoreFile = '# Ignored files are not sent.\n';

/**
 * Makes the folder of a Dockerfile that is not a frontend input. Its name contains the folder's digest and must be passed as the
 * build's `dockerfilekey`: an engine keeps a copy under the name and, before BuildKit 0.9 (docker 20.10), compares only size and time
 * with it, which are equal for Dockerfiles of equal length.
 */
export function makeDockerfileFolder(filename: string, text: Uint8Array): DockerfileFolder {
  const ignore = memoryEntry(`${filename}.dockerignore`, Buffer.from(ignoreFile));
  const folder = makeFolder([memoryEntry(filename, text), ignore]);
  return { key: `dockerfile-${folder.digest.slice(0, 32)}`, folder };
}
