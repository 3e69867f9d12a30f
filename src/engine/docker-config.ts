import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';

/** A docker context: the address of an engine, and how to use TLS for it. */
export interface DockerContext {
  /** As docker stores it: `tcp://host:2376`. */
  readonly address: string;
  /** The folder with `ca.pem`, `cert.pem` and `key.pem`, each of which may be missing. Undefined if the context has none. */
  readonly tlsFolder: string | undefined;
  readonly skipTlsVerify: boolean;
}

/** Returns the folder of docker's configuration. */
export function configFolder(environment: Environment): string {
  return environment.DOCKER_CONFIG || path.join(environment.HOME ?? '/', '.docker');
}

/** Returns the name of the current context in a configuration folder. @throws TasksError exit 3 if it cannot be read */
export function currentContext(folder: string): string | undefined {
  const file = path.join(folder, 'config.json');
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  const context = parseJson(text, file).currentContext;
  return typeof context === 'string' && context !== '' ? context : undefined;
}

/**
 * Reads a context of a configuration folder.
 * @throws TasksError exit 3 if it does not exist or cannot be read
 */
export function readContext(folder: string, name: string): DockerContext {
  const file = contextFile(folder, name);
  const text = readIfThere(file);
  if (text === undefined) {
    throw new TasksError(3, `the docker context "${name}" does not exist (${file})`, {
      hint: 'run `docker context ls` to list the contexts',
    });
  }
  const endpoints = parseJson(text, file).Endpoints as
    | { docker?: { Host?: string; SkipTLSVerify?: boolean } }
    | undefined;
  const { Host, SkipTLSVerify } = endpoints?.docker ?? {};
  if (!Host) throw new TasksError(3, `the docker context "${name}" has no docker host (${file})`);
  const tlsFolder = path.join(folder, 'contexts/tls', contextId(name), 'docker');
  return {
    address: Host,
    tlsFolder: statSync(tlsFolder, { throwIfNoEntry: false })?.isDirectory() ? tlsFolder : undefined,
    skipTlsVerify: SkipTLSVerify === true,
  };
}

/** Returns whether a configuration folder has a context. */
export function hasContext(folder: string, name: string): boolean {
  return existsSync(contextFile(folder, name));
}

/** Folders are named by the SHA-256 of the name (docker/cli cli/context/store). */
function contextFile(folder: string, name: string): string {
  return path.join(folder, 'contexts/meta', contextId(name), 'meta.json');
}

function contextId(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new TasksError(3, `cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
}

function parseJson(text: string, file: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw new TasksError(3, `${file} is not valid JSON: ${(error as Error).message}`, { cause: error });
  }
}
