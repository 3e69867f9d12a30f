import { existsSync, readFileSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { connect, readEngineVersion } from '../engine/api.ts';
import { type Client, findClient, type Probe, type Rejected } from '../engine/client.ts';
import { dialWithClient } from '../engine/dial.ts';
import { type Endpoint, type Environment, resolveEndpoint } from '../engine/endpoint.ts';
import { TasksError } from '../model/errors.ts';

/** A program that the project calls outside of images. */
export interface ProgramToCheck {
  readonly name: string;
  /** False: only worth a word. */
  readonly isNeeded: boolean;
}

/** A place that builds fetch from. */
export interface Site {
  readonly name: string;
  readonly url: string;
}

/** What `doctor` is to look at besides the engine. */
export interface CheckTargets {
  readonly programs: readonly ProgramToCheck[];
  readonly sites: readonly Site[];
  /** The registry that pushes would go to; undefined where no repository is named. */
  readonly registry?: Site;
  /** Absolute folders whose disks must have room. */
  readonly folders: readonly string[];
}

/** What was found on the machine. */
export interface Facts {
  readonly os: { readonly id: string; readonly version: string; readonly name: string };
  readonly isRoot: boolean;
  readonly engine: {
    readonly endpoint?: Endpoint;
    readonly version?: string;
    readonly problem?: string;
  };
  readonly client?: Client;
  readonly rejected: readonly Rejected[];
  /** The engine's program, where it is installed. */
  readonly dockerd?: string;
  readonly disks: readonly { readonly folder: string; readonly freeBytes: number }[];
  readonly programs: readonly (ProgramToCheck & { readonly path?: string })[];
  /** `problem`: why it cannot be reached. */
  readonly sites: readonly (Site & { readonly problem?: string })[];
  readonly registry?: Site & { readonly problem?: string };
}

/** Looks at the machine; changes nothing. What cannot be seen is a fact too, never an error. */
export async function gatherFacts(
  environment: Environment,
  wanted: CheckTargets,
  probe: Probe,
  signal: AbortSignal,
): Promise<Facts> {
  const engine = await lookAtEngine(environment, signal);
  const { client, rejected } = await findClient(
    environment,
    engine.endpoint ?? { context: 'default' },
    probe,
  );
  const os = readOs();
  const archive = os.id === 'debian' ? await debianArchive(probe) : [];
  const reached = await Promise.all([...archive, ...wanted.sites].map((place) => reach(place, signal)));
  const dockerd = findProgram('dockerd', environment);
  return {
    os,
    isRoot: process.getuid?.() === 0,
    engine,
    ...(client !== undefined ? { client } : {}),
    rejected,
    ...(dockerd !== undefined ? { dockerd } : {}),
    disks: wanted.folders.map((folder) => ({ folder, freeBytes: freeBytes(folder) })),
    programs: wanted.programs.map((program) => {
      const file = findProgram(program.name, environment);
      return { ...program, ...(file !== undefined ? { path: file } : {}) };
    }),
    sites: reached,
    ...(wanted.registry !== undefined ? { registry: await reach(wanted.registry, signal) } : {}),
  };
}

async function lookAtEngine(environment: Environment, signal: AbortSignal): Promise<Facts['engine']> {
  let endpoint: Endpoint | undefined;
  try {
    endpoint = resolveEndpoint(environment);
    const { version } = await readEngineVersion(connect(endpoint, dialWithClient(environment), { signal }));
    return { endpoint, version };
  } catch (error) {
    if (!(error instanceof TasksError)) throw error;
    return { ...(endpoint !== undefined ? { endpoint } : {}), problem: error.message };
  }
}

/** From os-release(5): `debian`, `12`, `Debian GNU/Linux 12 (bookworm)`. */
function readOs(): Facts['os'] {
  const file = ['/etc/os-release', '/usr/lib/os-release'].find((candidate) => existsSync(candidate));
  const text = file === undefined ? '' : readFileSync(file, 'utf8');
  const value = (name: string): string =>
    new RegExp(`^${name}=(["']?)(.*)\\1$`, 'm').exec(text)?.[2]?.trim() ?? '';
  return { id: value('ID') || process.platform, version: value('VERSION_ID'), name: value('PRETTY_NAME') };
}

/** The archives that apt installs from. */
async function debianArchive(probe: Probe): Promise<Site[]> {
  const { stdout } = await probe(['apt-get', 'indextargets', '--format', '$(SITE)']);
  const sites = [...new Set(stdout.split('\n').filter((site) => /^https?:/.test(site)))];
  return sites.map((url) => ({ name: 'Debian archive', url }));
}

/** Any answer counts: a registry that asks for a login is there. */
async function reach(place: Site, signal: AbortSignal): Promise<Site & { problem?: string }> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(10_000)]);
  try {
    await fetch(place.url, { method: 'HEAD', redirect: 'manual', signal: until });
    return place;
  } catch (error) {
    signal.throwIfAborted();
    const { cause, name, message } = error as Error & { cause?: { code?: string; message?: string } };
    const problem =
      name === 'TimeoutError' ? 'no answer in 10 s' : (cause?.code ?? cause?.message ?? message);
    return { ...place, problem };
  }
}

function findProgram(name: string, environment: Environment): string | undefined {
  const folders = [...(environment.PATH ?? '').split(':').filter(Boolean), '/usr/sbin', '/usr/bin', '/sbin'];
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}

/** Of the disk that a folder is on, or will be on. */
function freeBytes(folder: string): number {
  let place = folder;
  while (!existsSync(place)) place = path.dirname(place);
  const { bavail, bsize } = statfsSync(place);
  return bavail * bsize;
}
