import { desktopOrigin, rootlessOrigin } from '../engine/endpoint.ts';
import { abilitiesOf } from '../engine/queries.ts';
import type { NodeFacts } from './builder-facts.ts';
import type { EngineFacts, Facts } from './facts.ts';
import { programPackages } from './fix.ts';

/** The result of one check. `missing`: builds cannot work. `warning`: something else may fail. */
export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'missing';
  readonly detail: string;
  /** What to do, one line each. */
  readonly remedy: readonly string[];
}

type FailedEngine = Extract<EngineFacts, { readonly problem: string }>;
type WorkingEngine = Exclude<EngineFacts, FailedEngine>;

/** With less free space, builds of large images can fail halfway. */
const warningBytes = 5e9;
/** With less free space, builds of small images fail too. */
const requiredBytes = 1e9;

/** Turns the facts about a machine into checks. Pure. */
export function evaluateFacts(facts: Facts): Check[] {
  return [
    ...engineChecks(facts),
    ...builderChecks(facts),
    ...platformChecks(facts),
    ...facts.disks.map(({ folder, freeBytes }) => diskCheck(folder, freeBytes)),
    ...facts.programs.map((program) => programCheck(program, facts)),
    ...facts.sites.map(siteCheck),
    ...registryChecks(facts),
  ];
}

/** Returns whether builds can work. */
export function isReady(checks: readonly Check[]): boolean {
  return checks.every((check) => check.state !== 'missing');
}

function engineChecks(facts: Facts): Check[] {
  const { engine } = facts;
  if (engine === undefined) return [];
  if ('problem' in engine) {
    const remedy = [engineRemedy(engine, facts)];
    return [{ name: 'engine', state: 'missing', detail: engine.problem, remedy }];
  }
  const { endpoint, version, store } = engine;
  const images = store.kind === 'containerd' ? 'containerd image store' : 'classic image store';
  const source = endpoint.origin === 'default' ? '' : ` (${endpoint.origin})`;
  const detail = `docker ${version.version} at ${endpoint.url}${source}, ${images} (${store.driver})`;
  return [ok('engine', detail), buildkitCheck(engine)];
}

function engineRemedy({ endpoint, hint }: FailedEngine, { os, dockerd }: Facts): string {
  // Advice to run this command helps nobody here.
  if (hint !== undefined && !hint.includes('tasks doctor')) return hint;
  switch (endpoint?.origin) {
    case 'default':
      if (dockerd !== undefined) return 'run `tasks doctor --fix` or `systemctl start docker`';
      return os.id === 'debian'
        ? 'run `tasks doctor --fix` to install and start it'
        : 'install docker: https://docs.docker.com/engine/install';
    case rootlessOrigin:
      return 'run `systemctl --user start docker`';
    case desktopOrigin:
      return 'start Docker Desktop';
    default:
      return `start that engine, or remove the setting that selects it (${endpoint?.origin ?? 'DOCKER_HOST'})`;
  }
}

function buildkitCheck({ version, buildkit }: WorkingEngine): Check {
  const name = 'BuildKit';
  if ('message' in buildkit)
    return { name, state: 'missing', detail: buildkit.message, remedy: [buildkit.hint] };
  const { frontend } = abilitiesOf(version);
  const hasHeredocs = frontend === undefined || frontend.minor >= 4;
  const detail = `builds for ${buildkit.platforms.join(', ')}`;
  return ok(
    name,
    hasHeredocs ? detail : `${detail}; no heredocs in Dockerfiles (they need docker 23 or newer)`,
  );
}

/** One node that works is enough to build. */
function builderChecks({ builder }: Facts): Check[] {
  if (builder === undefined) return [];
  const { name, nodes, problem, hint, repository } = builder;
  if (problem !== undefined)
    return [{ name: 'builder', state: 'missing', detail: problem, remedy: hint === undefined ? [] : [hint] }];
  const works = nodes.some((node) => node.problem === undefined && node.pushProblem === undefined);
  const checks = nodes.map((node) => nodeCheck(node, works ? 'warning' : 'missing'));
  if (repository !== undefined) return checks;
  const detail = `the builder ${name} has no repository to push images to`;
  const remedy = [
    "name one with --repo citus, DOCKER_REPO, or project({ repo: 'citus' }) in the definitions",
  ];
  return [...checks, { name: 'builder', state: 'missing', detail, remedy }];
}

function nodeCheck({ name, place, platforms, problem, pushProblem }: NodeFacts, bad: Check['state']): Check {
  const title = name === place ? name : `${name} (${place})`;
  const failed = (detail: string, remedy: string): Check => ({
    name: 'builder',
    state: bad,
    detail: `${title}: ${detail}`,
    remedy: [remedy],
  });
  if (problem !== undefined) {
    // A client without buildx prints all that it can do.
    const [reason = ''] = problem.split('\n');
    return failed(
      reason,
      'check that it runs: `docker buildx inspect` shows a builder (buildx 0.13 or newer)',
    );
  }
  if (pushProblem !== undefined)
    return failed(
      `cannot push: ${pushProblem}`,
      'a node must reach the registry under the same name; plain HTTP and mirrors are in the configuration of the node',
    );
  return ok('builder', `${title} builds for ${platforms.join(', ')}`);
}

/** Without an emulator, other platforms are built if no program of theirs runs, and another machine can build the rest. */
function platformChecks({ platforms, os }: Facts): Check[] {
  if (platforms === undefined) return [];
  const { needed, missing, isLocal, emulators } = platforms;
  const name = 'platforms';
  if (missing.length === 0) return [ok(name, `runs programs for ${needed.join(', ')}`)];
  const place = isLocal ? '' : " on the engine's machine";
  const canFix = isLocal && os.id === 'debian' && emulators.length > 0;
  return [
    {
      name,
      state: 'warning',
      detail: `no emulator for ${missing.join(', ')}: RUN and tests for it are blocked`,
      remedy: [
        canFix
          ? 'run `tasks doctor --fix` to install qemu-user-static and register it'
          : `install and register qemu's emulators (qemu-user-static)${place}`,
      ],
    },
  ];
}

function diskCheck(folder: string, freeBytes: number): Check {
  const detail = `${(freeBytes / 1e9).toFixed(1)} GB free for ${folder}`;
  if (freeBytes >= warningBytes) return ok('disk', detail);
  return {
    name: 'disk',
    state: freeBytes < requiredBytes ? 'missing' : 'warning',
    detail,
    remedy: [
      'run `docker builder prune` to empty the build cache, `docker image prune` to remove old images',
    ],
  };
}

function programCheck(program: Facts['programs'][number], { os }: Facts): Check {
  const { name, path } = program;
  if (path !== undefined) return ok(name, path);
  return {
    name,
    state: 'missing',
    detail: 'not installed, but commands of this project run it',
    remedy:
      os.id === 'debian'
        ? [`run \`apt-get install ${(programPackages[name] ?? [name])[0]}\` or \`tasks doctor --fix\``]
        : [`install ${name}`],
  };
}

function siteCheck(site: Facts['sites'][number]): Check {
  if (site.problem === undefined) return ok(site.name, `${site.url} is reachable`);
  return {
    name: site.name,
    state: 'warning',
    detail: `${site.url} cannot be reached: ${site.problem}`,
    remedy: ['builds that download from it will fail; check the network and its proxy, or use a mirror'],
  };
}

function registryChecks({ registry }: Facts): Check[] {
  if (registry === undefined) return [];
  const name = 'registry';
  const { repository, problem, hint } = registry;
  if (problem === undefined) return [ok(name, `you may push to ${repository}`)];
  const remedy = [...(hint === undefined ? [] : [hint]), 'builds work without it, but pushes fail'];
  return [{ name, state: 'warning', detail: problem, remedy }];
}

function ok(name: string, detail: string): Check {
  return { name, state: 'ok', detail, remedy: [] };
}
