import { existsSync, readFileSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { connect } from '../engine/api.ts';
import type { BuildkitFacts } from '../engine/check-buildkit.ts';
import { type Endpoint, resolveEndpoint } from '../engine/endpoint.ts';
import { type EngineVersion, readEngineVersion, readImageStore, type StoreFacts } from '../engine/queries.ts';
import { isLocalEngine, runnablePlatforms } from '../engine/runnable-platforms.ts';
import { dialerOf } from '../engine/transport.ts';
import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import { machinePlatform } from '../model/machine.ts';
import { type BuilderFacts, type BuilderToCheck, checkBuilder } from './builder-facts.ts';
import { comparePlatforms, type PlatformFacts } from './platforms.ts';
import type { Probe } from './probe.ts';

/** A host that builds download from, or a registry. */
export interface Site {
  readonly name: string;
  readonly url: string;
}

/** The registry that `tasks push` uses. */
export interface RegistryToCheck {
  /** A repository that a push writes to. */
  readonly repository: string;
  /** Checks that this user may push to it. @throws TasksError with the reason */
  check(): Promise<void>;
}

/** What a project needs of the machine. */
export interface CheckTargets {
  /** Whether there are images to build. */
  readonly engine: boolean;
  /** The builder to use in place of the engine, if one is named. */
  readonly builder?: BuilderToCheck;
  /** Whether commands take packages from the archives of this Debian. */
  readonly debianArchive: boolean;
  /** Names of programs that the project's commands run. */
  readonly programs: readonly string[];
  /** The platforms that images and commands are made for, if they run programs of another platform than that of this machine. */
  readonly platforms: readonly string[];
  readonly sites: readonly Site[];
  /** Undefined if there is nothing to push, or no repository is set. */
  readonly registry?: RegistryToCheck;
  /** Absolute paths of folders whose disks need free space. */
  readonly folders: readonly string[];
}

/** The engine that the environment selects. `problem`: why it does not work. */
export type EngineFacts =
  | {
      readonly endpoint: Endpoint | undefined;
      readonly problem: string;
      readonly hint?: string | undefined;
    }
  | {
      readonly endpoint: Endpoint;
      readonly version: EngineVersion;
      readonly store: StoreFacts;
      /** Whether it has the emulators of this machine. */
      readonly isLocal: boolean;
      readonly buildkit: BuildkitFacts;
    };

/** The state of the machine. */
export interface Facts {
  readonly os: { readonly id: string; readonly version: string; readonly name: string };
  readonly isRoot: boolean;
  /** Undefined if no engine is needed. */
  readonly engine?: EngineFacts;
  readonly builder?: BuilderFacts;
  /** Undefined if the project needs no other platform, or if it is not known what the engine runs. */
  readonly platforms?: PlatformFacts;
  /** The path of the engine's program, if it is installed. */
  readonly dockerd?: string;
  readonly disks: readonly { readonly folder: string; readonly freeBytes: number }[];
  readonly programs: readonly { readonly name: string; readonly path?: string }[];
  /** `problem`: why the site cannot be reached. */
  readonly sites: readonly (Site & { readonly problem?: string })[];
  /** `problem`: why this user cannot push to the repository. */
  readonly registry?: {
    readonly repository: string;
    readonly problem?: string;
    readonly hint?: string | undefined;
  };
}

/** Reads the state of the machine without changing it. A check that fails is a fact, not an error. */
export async function gatherFacts(
  environment: Environment,
  targets: CheckTargets,
  probe: Probe,
  signal: AbortSignal,
): Promise<Facts> {
  const builder =
    targets.builder === undefined ? undefined : await checkBuilder(targets.builder, environment, signal);
  // A builder builds in place of the engine.
  const engine = targets.engine && builder === undefined ? await checkEngine(environment, signal) : undefined;
  const platforms = platformFacts(targets.platforms, engine);
  const os = readOs();
  const archives = targets.debianArchive && os.id === 'debian' ? await readDebianArchives(probe) : [];
  const sites = await Promise.all([...archives, ...targets.sites].map((site) => checkSite(site, signal)));
  const dockerd = findProgram('dockerd', environment);
  return {
    os,
    isRoot: process.getuid?.() === 0,
    ...(engine === undefined ? {} : { engine }),
    ...(builder === undefined ? {} : { builder }),
    ...(platforms === undefined ? {} : { platforms }),
    ...(dockerd !== undefined ? { dockerd } : {}),
    disks: targets.folders.map((folder) => ({ folder, freeBytes: freeBytes(folder) })),
    programs: targets.programs.map((name) => {
      const file = findProgram(name, environment);
      return { name, ...(file !== undefined ? { path: file } : {}) };
    }),
    sites,
    ...(targets.registry !== undefined ? { registry: await checkRegistry(targets.registry) } : {}),
  };
}

async function checkEngine(environment: Environment, signal: AbortSignal): Promise<EngineFacts> {
  let endpoint: Endpoint | undefined;
  try {
    endpoint = resolveEndpoint(environment);
    const api = connect(endpoint, environment, { signal });
    const version = await readEngineVersion(api);
    const store = await readImageStore(api);
    const { checkBuildkit } = await import('../engine/check-buildkit.ts');
    const dial = dialerOf(endpoint, environment);
    const buildkit = await checkBuildkit(dial, version.apiVersion, signal);
    if ('message' in buildkit) return { endpoint, version, store, isLocal: false, buildkit };
    const isLocal = await isLocalEngine(endpoint, api);
    const platforms = runnablePlatforms(buildkit.platforms, isLocal);
    return { endpoint, version, store, isLocal, buildkit: { platforms } };
  } catch (error) {
    if (!(error instanceof TasksError)) throw error;
    return { endpoint, problem: error.message, hint: error.hint };
  }
}

function platformFacts(
  needed: readonly string[],
  engine: EngineFacts | undefined,
): PlatformFacts | undefined {
  if (needed.length === 0 || engine === undefined) return undefined;
  if (!('problem' in engine)) {
    if ('message' in engine.buildkit) return undefined;
    return comparePlatforms(needed, engine.buildkit.platforms, engine.isLocal);
  }
  if (engine.endpoint?.origin !== 'default') return undefined;
  // The engine that `--fix` starts has the emulators of this machine.
  return comparePlatforms(needed, runnablePlatforms([machinePlatform()], true), true);
}

/** Reads os-release(5): `debian`, `12`, `Debian GNU/Linux 12 (bookworm)`. */
function readOs(): Facts['os'] {
  const file = ['/etc/os-release', '/usr/lib/os-release'].find((candidate) => existsSync(candidate));
  const text = file === undefined ? '' : readFileSync(file, 'utf8');
  const value = (name: string): string =>
    new RegExp(`^${name}=(["']?)(.*)\\1$`, 'm').exec(text)?.[2]?.trim() ?? '';
  return { id: value('ID') || process.platform, version: value('VERSION_ID'), name: value('PRETTY_NAME') };
}

/** Reads the archives that apt installs from. */
async function readDebianArchives(probe: Probe): Promise<Site[]> {
  const { stdout } = await probe(['apt-get', 'indextargets', '--format', '$(SITE)']);
  const urls = [...new Set(stdout.split('\n').filter((line) => /^https?:/.test(line)))];
  return urls.map((url) => ({ name: 'Debian archive', url }));
}

/** Checks that a site responds. Any status is fine: a registry that requires a login is reachable. */
async function checkSite(site: Site, signal: AbortSignal): Promise<Site & { problem?: string }> {
  const requestSignal = AbortSignal.any([signal, AbortSignal.timeout(10_000)]);
  try {
    await fetch(site.url, { method: 'HEAD', redirect: 'manual', signal: requestSignal });
    return site;
  } catch (error) {
    signal.throwIfAborted();
    const { cause, name, message } = error as Error & { cause?: { code?: string; message?: string } };
    const problem =
      name === 'TimeoutError' ? 'no response in 10 s' : (cause?.code ?? cause?.message ?? message);
    return { ...site, problem };
  }
}

async function checkRegistry({
  repository,
  check,
}: RegistryToCheck): Promise<NonNullable<Facts['registry']>> {
  try {
    await check();
    return { repository };
  } catch (error) {
    if (!(error instanceof TasksError)) throw error;
    return { repository, problem: error.message, hint: error.hint };
  }
}

function findProgram(name: string, environment: Environment): string | undefined {
  const folders = [...(environment.PATH ?? '').split(':').filter(Boolean), '/usr/sbin', '/usr/bin', '/sbin'];
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}

/** Returns the free space on a folder's disk. The folder may not exist yet. */
function freeBytes(folder: string): number {
  let existing = folder;
  while (!existsSync(existing)) existing = path.dirname(existing);
  const { bavail, bsize } = statfsSync(existing);
  return bavail * bsize;
}
