import path from 'node:path';

import type { Environment } from '../model/environment.ts';

/** Variables that hold the path of a file or folder, or of a list of folders. */
const paths = ['DOCKER_CONFIG', 'DOCKER_CERT_PATH', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'GITHUB_STEP_SUMMARY'];
/** Variables that hold a program: its path where there is a slash in it, or else a name that PATH is searched for. */
const programs = ['TASKS_DOCKER'];

/**
 * An environment whose relative paths are made absolute: the program enters the project's root, but a person means paths from
 * where they stand. The same object where none is relative.
 */
export function withAbsolutePaths(environment: Environment, cwd: string): Environment {
  const absolute: Record<string, string> = {};
  for (const name of [...paths, ...programs]) {
    const value = environment[name];
    if (!value || path.isAbsolute(value) || (programs.includes(name) && !value.includes('/'))) continue;
    absolute[name] = path.resolve(cwd, value);
  }
  return Object.keys(absolute).length === 0 ? environment : { ...environment, ...absolute };
}
