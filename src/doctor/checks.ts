import type { Facts } from './facts.ts';
import { programPackages } from './fix.ts';

/** `missing` means that builds cannot work; `warning` that something else will not. */
export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'missing';
  readonly detail: string;
  /** What to do, a line each. */
  readonly remedy: readonly string[];
}

/** Below this much free space builds of large images fail half way. */
const scarceBytes = 5e9;
/** Below this much even small ones do. */
const neededBytes = 1e9;

/** What was found, as a list of verdicts. Pure. */
export function evaluateFacts(facts: Facts): Check[] {
  return [
    engineCheck(facts),
    buildkitCheck(facts),
    ...facts.disks.map(({ folder, freeBytes }) => diskCheck(folder, freeBytes)),
    ...facts.programs.map((program) => programCheck(program, facts)),
    ...facts.sites.map(placeCheck),
    registryCheck(facts),
  ];
}

/** True where builds can work. */
export function isReady(checks: readonly Check[]): boolean {
  return checks.every((check) => check.state !== 'missing');
}

function engineCheck({ engine, os, dockerd }: Facts): Check {
  const name = 'engine';
  const { endpoint, version, problem } = engine;
  if (problem === undefined)
    return ok(name, `docker ${version} at ${endpoint!.url}${origin(endpoint!.origin)}`);
  const start =
    dockerd === undefined
      ? installRemedy(os.id)
      : 'start it: `tasks doctor --fix`, or `systemctl start docker`';
  const named =
    endpoint?.origin === 'default'
      ? start
      : `start that engine, or unset what names it (${endpoint?.origin ?? 'DOCKER_HOST'})`;
  return { name, state: 'missing', detail: problem, remedy: [named] };
}

function origin(text: string): string {
  return text === 'default' ? '' : ` (${text})`;
}

function installRemedy(id: string): string {
  return id === 'debian'
    ? '`tasks doctor --fix` installs and starts it'
    : 'install docker: docs.docker.com/engine/install';
}

function buildkitCheck({ client, rejected, os }: Facts): Check {
  const name = 'BuildKit';
  const passedOver = rejected.map(({ path, reason }) => `passed over ${path}: ${reason}`);
  if (client === undefined) {
    const remedy = os.id === 'debian' ? '`tasks doctor --fix` installs one' : 'install docker-buildx-plugin';
    return {
      name,
      state: 'missing',
      detail: 'no docker client here can build with BuildKit',
      remedy: [...passedOver, remedy, 'or name one with TASKS_DOCKER=/path/to/docker'],
    };
  }
  const how = client.buildx === undefined ? 'BuildKit built in' : `buildx ${client.buildx}`;
  return { name, state: 'ok', detail: `${client.path} ${client.version}, ${how}`, remedy: passedOver };
}

function diskCheck(folder: string, freeBytes: number): Check {
  const detail = `${(freeBytes / 1e9).toFixed(1)} GB free for ${folder}`;
  if (freeBytes >= scarceBytes) return ok('disk', detail);
  return {
    name: 'disk',
    state: freeBytes < neededBytes ? 'missing' : 'warning',
    detail,
    remedy: ['free some: `docker builder prune` empties the build cache, `docker image prune` old images'],
  };
}

function programCheck(program: Facts['programs'][number], { os }: Facts): Check {
  const { name, isNeeded, path } = program;
  if (path !== undefined) return ok(name, path);
  return {
    name,
    state: isNeeded ? 'missing' : 'warning',
    detail: isNeeded ? 'not installed, and commands of this project call it' : 'not installed',
    remedy:
      isNeeded && os.id === 'debian'
        ? [`apt-get install ${(programPackages[name] ?? [name])[0]}, or \`tasks doctor --fix\``]
        : [`install ${name}`],
  };
}

function placeCheck(place: Facts['sites'][number]): Check {
  if (place.problem === undefined) return ok(place.name, `${place.url} answers`);
  return {
    name: place.name,
    state: 'warning',
    detail: `${place.url} cannot be reached: ${place.problem}`,
    remedy: ['builds that fetch from it will fail; see the network, its proxy, or name a mirror'],
  };
}

function registryCheck({ registry }: Facts): Check {
  const name = 'registry';
  if (registry === undefined) {
    return {
      name,
      state: 'warning',
      detail: 'no repository is named: images stay in the engine',
      remedy: ['to push, name one: --repo, DOCKER_REPO or project({ repo })'],
    };
  }
  if (registry.problem === undefined) return ok(name, `${registry.url} answers`);
  return {
    name,
    state: 'warning',
    detail: `${registry.url} cannot be reached: ${registry.problem}`,
    remedy: ['builds work without it, pushes do not'],
  };
}

function ok(name: string, detail: string): Check {
  return { name, state: 'ok', detail, remedy: [] };
}
