import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Analysis, analyze } from '../dockerfile/analyze.ts';
import { DockerfileError } from '../dockerfile/error.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import { evaluateFacts, isReady } from '../doctor/checks.ts';
import { startEngine } from '../doctor/daemon.ts';
import {
  type CheckTargets,
  type Facts,
  gatherFacts,
  type RegistryToCheck,
  type Site,
} from '../doctor/facts.ts';
import { planFixes, programPackages } from '../doctor/fix.ts';
import { installPackages } from '../doctor/install.ts';
import { processProbe } from '../doctor/probe.ts';
import { registerEmulators } from '../doctor/register-emulators.ts';
import { registrySiteOf } from '../doctor/registry-site.ts';
import { TasksError } from '../model/errors.ts';
import { machinePlatform } from '../model/machine.ts';
import { normalizePlatform } from '../model/platform.ts';
import type { CommandTask, ImageTask, Task } from '../model/task.ts';
import { briefRequests, buildLogin, type Host } from './host.ts';
import { projectBuilder } from './nodes.ts';
import type { OpenProject } from './open-project.ts';
import type { BuilderName } from './options.ts';

/** Makes root file systems from the archives that apt of this machine uses. */
const debianInstaller = 'mmdebstrap';
/** Where docker keeps its images by default. */
const engineFolder = '/var/lib/docker';

export interface MachineCheck {
  readonly isReady: boolean;
  readonly checks: ReturnType<typeof evaluateFacts>;
}

export interface MachineOptions {
  readonly host: Pick<Host, 'environment' | 'connections'>;
  /** Undefined: only what any project with images needs is checked. */
  readonly project: OpenProject | undefined;
  /** A folder that builds write to, if there is no project. */
  readonly folder: string;
  /** The repository of the images, if named. */
  readonly repo: string | undefined;
  /** The builder that builds in place of the engine, if an option or the environment names it. */
  readonly builder?: BuilderName | undefined;
  readonly signal: AbortSignal;
  /** Install and start what is missing; called with each thing that is done. */
  readonly fix?: (action: string) => void;
}

/**
 * Checks that this machine can build a project.
 * @throws TasksError with exit code 3 if it is to be fixed and cannot be
 */
export async function checkMachine(options: MachineOptions): Promise<MachineCheck> {
  const { host, signal, fix } = options;
  const { environment } = host;
  const targets = targetsOf(options);
  const gather = (): Promise<Facts> =>
    gatherFacts(environment, targets, processProbe(environment, signal), signal);
  let facts = await gather();
  if (fix !== undefined && (await fixMachine(facts, options, fix))) facts = await gather();
  const checks = evaluateFacts(facts);
  return { isReady: isReady(checks), checks };
}

/** Returns whether anything was done. */
async function fixMachine(
  facts: Facts,
  { host: { environment }, signal }: MachineOptions,
  report: (action: string) => void,
): Promise<boolean> {
  const fixes = planFixes(facts);
  if ('reason' in fixes) {
    throw new TasksError(3, `nothing was changed: ${fixes.reason}`, {
      hint: `run these commands yourself:\n${fixes.commands.map((command) => `  ${command}`).join('\n')}`,
    });
  }
  if (fixes.length === 0) report('nothing to fix');
  for (const step of fixes) {
    if (step.kind === 'install') await installPackages(step.packages, environment, signal, report);
    else if (step.kind === 'emulate')
      await registerEmulators(step.emulators, processProbe(environment, signal), report);
    else {
      report(`starting ${step.dockerd}`);
      const { pid, log } = await startEngine(step.dockerd, environment, signal);
      report(`the engine is running (pid ${pid}, log ${log}); stop it with \`tasks doctor --stop\``);
    }
  }
  return fixes.length > 0;
}

function targetsOf({
  project,
  folder,
  repo: named,
  builder = projectBuilder(project?.project ?? {}),
  host,
  signal,
}: MachineOptions): CheckTargets {
  const tasks = [...(project?.graph.tasks.values() ?? [])];
  const root = project?.root ?? folder;
  const commands = tasks.filter((task) => task.kind === 'command');
  const images = tasks.filter((task) => task.kind === 'image');
  const repo = named ?? project?.project.repo;
  const pushed = images.find(({ publish }) => publish);
  const platforms = platformsOf(tasks, root);
  const called = programsOf(commands, root);
  const makesForeign = commands.some(({ platform }) => platform !== undefined && isForeign(platform));
  const programs = makesForeign && called.includes(debianInstaller) ? [...called, 'arch-test'] : called;
  const engine = project === undefined || images.length > 0;
  return {
    engine,
    ...(builder === undefined || !engine
      ? {}
      : {
          builder: {
            ...builder,
            repository: repo === undefined ? undefined : `${repo}/${pushed?.name ?? 'trial'}`,
            login: buildLogin(host.environment, signal),
          },
        }),
    debianArchive: programs.includes(debianInstaller),
    programs,
    platforms,
    sites: sitesOf(images, root),
    ...(repo !== undefined && pushed !== undefined
      ? { registry: registryToCheck(`${repo}/${pushed.name}`, host, signal) }
      : {}),
    folders: [...(engine ? [engineFolder] : []), root],
  };
}

function registryToCheck(
  repository: string,
  { connections }: Pick<Host, 'connections'>,
  signal: AbortSignal,
): RegistryToCheck {
  return {
    repository,
    check: async () => await (await connections.registry(signal, briefRequests)).mayPush(repository),
  };
}

/** Returns the programs that commands call, as far as they can be told from their first words and scripts. */
function programsOf(commands: readonly CommandTask[], root: string): string[] {
  const scripts = new Set(commands.map((task) => task.run[0]).filter((program) => program.includes('/')));
  const texts = [...scripts].map((script) => readIfExists(path.join(root, script)));
  const called = commands.map((task) => task.run[0]).filter((program) => !program.includes('/'));
  const isCalled = (name: string): boolean =>
    called.includes(name) ||
    texts.some((text) => new RegExp(`(^|[|;&(]|\\$\\()\\s*${name}\\s`, 'm').test(text));
  const known = Object.keys(programPackages).filter(isCalled);
  const needed = new Set([...known, ...called]);
  return [...needed];
}

/** Returns the registries of all external images that the Dockerfiles use. */
function sitesOf(images: readonly ImageTask[], root: string): Site[] {
  const sites = new Map<string, Site>();
  for (const task of images) {
    for (const { reference } of analyzeDockerfile(task, root)?.externalImages ?? []) {
      const site = registrySiteOf(reference);
      sites.set(site.url, site);
    }
  }
  return [...sites.values()];
}

/** Returns the platforms for which programs run: all of them if one is not that of this machine, else none. */
function platformsOf(tasks: readonly Task[], root: string): string[] {
  const used = tasks.flatMap((task) => {
    if (task.kind === 'command') return task.platform ?? [];
    if (task.test !== undefined) return task.platform;
    const runs = analyzeDockerfile(task, root)?.runPlatforms ?? [];
    return runs.filter((each) => each !== 'any').map((each) => (each === 'target' ? task.platform : each));
  });
  const platforms = [...new Set(used.map(normalizePlatform))].sort();
  return platforms.some(isForeign) ? platforms : [];
}

function isForeign(platform: string): boolean {
  return normalizePlatform(platform) !== normalizePlatform(machinePlatform());
}

/** Returns what an image's Dockerfile uses; undefined if it cannot be read. */
function analyzeDockerfile(task: ImageTask, root: string): Analysis | undefined {
  const needs = Object.fromEntries(task.needs.map((need) => [need.name, 'scratch']));
  const text = task.dockerfileText ?? readIfExists(path.join(root, task.dockerfile));
  try {
    const args = { ...task.args, ...needs };
    return analyze(parseDockerfile(text), task.target, { args, platform: task.platform });
  } catch (error) {
    // `plan` and `build` report it with its line.
    if (error instanceof DockerfileError) return undefined;
    throw error;
  }
}

function readIfExists(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}
