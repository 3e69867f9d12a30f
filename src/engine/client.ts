import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import type { Endpoint } from './endpoint.ts';

/** A docker client that can build with BuildKit. */
export interface Client {
  readonly path: string;
  readonly version: string;
  /** The version of its buildx plug-in, where it builds with that. */
  readonly buildx?: string;
  /** The environment that its builds need. */
  readonly env: Readonly<Record<string, string>>;
}

/** A docker client that was looked at and not taken. */
export interface Rejected {
  readonly path: string;
  readonly reason: string;
}

/** Runs a program and gives what it printed; exitCode undefined where it could not be started. */
export type Probe = (
  argv: readonly [string, ...string[]],
) => Promise<{ exitCode: number | undefined; stdout: string }>;

/** Where clients are besides PATH. */
const usualFolders = ['/usr/bin', '/usr/local/bin', '/opt/homebrew/bin', '/snap/bin'];

/**
 * The first docker client that builds with BuildKit: TASKS_DOCKER alone if it is set, else each `docker` on PATH, then in
 * the usual folders. Before version 23 BuildKit is built in; since then it takes the buildx plug-in, and a client without
 * it builds with the classic builder, which silently skips heredocs.
 */
export async function findClient(
  environment: Environment,
  endpoint: Pick<Endpoint, 'context'>,
  probe: Probe,
): Promise<{ client?: Client; rejected: Rejected[] }> {
  const rejected: Rejected[] = [];
  for (const file of candidates(environment)) {
    const found = await examine(file, endpoint, probe);
    if ('env' in found) return { client: found, rejected };
    rejected.push(found);
  }
  return { rejected };
}

/** The same, where there must be one. @throws TasksError exit 3 naming each client that was looked at */
export async function requireClient(
  environment: Environment,
  endpoint: Pick<Endpoint, 'context'>,
  probe: Probe,
): Promise<Client> {
  const { client, rejected } = await findClient(environment, endpoint, probe);
  if (client !== undefined) return client;
  const seen = rejected.map(({ path: file, reason }) => `  ${file}: ${reason}`).join('\n');
  throw new TasksError(
    3,
    `no docker client here can build with BuildKit\n${seen || '  there is no docker on PATH'}`,
    {
      hint: 'install docker with its buildx plug-in (`tasks doctor --fix` does on Debian), or name a client with TASKS_DOCKER',
    },
  );
}

function candidates(environment: Environment): string[] {
  if (environment.TASKS_DOCKER) return [environment.TASKS_DOCKER];
  const folders = [...(environment.PATH ?? '').split(':').filter(Boolean), ...usualFolders];
  return [...new Set(folders.map((folder) => path.join(folder, 'docker')))].filter(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    // Not there, or not ours to start: no candidate.
    return false;
  }
}

async function examine(
  file: string,
  endpoint: Pick<Endpoint, 'context'>,
  probe: Probe,
): Promise<Client | Rejected> {
  const said = await probe([file, 'version', '--format', '{{.Client.Version}}']);
  // Without an engine the client still prints its own version, and exits with 1.
  const version = said.stdout.trim().split('\n')[0] ?? '';
  const major = Number.parseInt(version, 10);
  if (Number.isNaN(major)) return { path: file, reason: 'it does not tell its version; is it docker?' };
  if (major < 18) return { path: file, reason: `version ${version} is too old for BuildKit` };
  // `docker buildx install` makes its `build` one of buildx, too, on whatever builder is in use.
  const env = clientSettings(endpoint);
  if (major < 23) return { path: file, version, env };
  const buildx = await probe([file, 'buildx', 'version']);
  const plugin = /v?(\d+\.\d+[^\s]*)/.exec(buildx.stdout)?.[1];
  if (buildx.exitCode !== 0 || plugin === undefined) {
    return {
      path: file,
      reason: `version ${version} has no buildx plug-in, without which it cannot use BuildKit`,
    };
  }
  // The context's own builder: another driver would not see images that are only in the engine.
  return { path: file, version, buildx: plugin, env };
}

function clientSettings(endpoint: Pick<Endpoint, 'context'>): Record<string, string> {
  // Attestations would make an index of each image, with another digest for each build.
  return { DOCKER_BUILDKIT: '1', BUILDX_BUILDER: endpoint.context, BUILDX_NO_DEFAULT_ATTESTATIONS: '1' };
}

/** The engine in place of the real one, so that no client waits for one that hangs: what it is asked it knows by itself. */
const nowhere = 'unix:///nowhere';

/** A probe that starts programs for real, and ends them with the signal. `environment` is theirs. */
export function processProbe(environment: Environment, signal: AbortSignal): Probe {
  return async ([file, ...args]) => {
    const { execa } = await import('execa');
    const env = Object.fromEntries(
      Object.entries(environment).filter((pair): pair is [string, string] => pair[1] !== undefined),
    );
    const result = await execa(file, args, {
      reject: false,
      env: { ...env, DOCKER_HOST: nowhere },
      extendEnv: false,
      stdin: 'ignore',
      timeout: 20_000,
      cancelSignal: signal,
    });
    signal.throwIfAborted();
    return { exitCode: result.exitCode, stdout: typeof result.stdout === 'string' ? result.stdout : '' };
  };
}
