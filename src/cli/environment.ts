import path from 'node:path';

import type { Environment } from '../model/environment.ts';

/** Variables that contain the path of a file or folder. */
const paths = ['DOCKER_CONFIG', 'DOCKER_CERT_PATH', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'GITHUB_STEP_SUMMARY'];

/**
 * Returns an environment without relative paths, since the program changes its working directory to the project's root. Paths are
 * relative to `cwd`. Returns the same object if no path is relative.
 */
export function withAbsolutePaths(environment: Environment, cwd: string): Environment {
  const absolute: Record<string, string> = {};
  for (const name of paths) {
    const value = environment[name];
    if (value && !path.isAbsolute(value)) absolute[name] = path.resolve(cwd, value);
  }
  return Object.keys(absolute).length === 0 ? environment : { ...environment, ...absolute };
}
