import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { analyze } from '../dockerfile/analyze.ts';
import { DockerfileError } from '../dockerfile/error.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import type { CheckTargets, ProgramToCheck, Site } from '../doctor/facts.ts';
import { programPackages } from '../doctor/fix.ts';
import { registrySiteOf } from '../doctor/registry-site.ts';
import { TasksError } from '../model/errors.ts';
import type { CommandTask, ImageTask } from '../model/task.ts';
import { type CommonFlags, namesOf } from './flags.ts';
import type { Io } from './io.ts';
import { type OpenProject, openProject } from './project.ts';

/** Worth a word in any project: root file systems from Debian's archive are the way to a base without a registry. */
const alwaysTold = ['mmdebstrap'];
/** Where docker keeps its images unless told otherwise. */
const engineFolder = '/var/lib/docker';

/** What the project here wants of the machine; without a readable one, what any would. */
export async function wantedBy(flags: CommonFlags, io: Io): Promise<CheckTargets> {
  const { repo: named } = namesOf(flags, io);
  let project: OpenProject | undefined;
  try {
    project = await openProject(flags, io);
  } catch (error) {
    // A machine can be checked without a project, and while its definitions are being mended.
    if (!(error instanceof TasksError)) throw error;
    io.err(`only the machine is checked, not what a project wants of it: ${error.message}\n\n`);
  }
  const tasks = [...(project?.graph.tasks.values() ?? [])];
  const root = project?.root ?? io.cwd;
  const commands = tasks.filter((task) => task.kind === 'command');
  const images = tasks.filter((task) => task.kind === 'image');
  const repo = named ?? project?.project.repo;
  return {
    programs: programsOf(commands, root),
    sites: placesOf(images, root),
    ...(repo !== undefined ? { registry: registrySiteOf(`${repo}/x`) } : {}),
    folders: [engineFolder, root],
  };
}

function programsOf(commands: readonly CommandTask[], root: string): ProgramToCheck[] {
  const scripts = new Set(commands.map((task) => task.run[0]).filter((program) => program.includes('/')));
  const texts = [...scripts].map((script) => readIfThere(path.join(root, script)));
  const called = commands.map((task) => task.run[0]).filter((program) => !program.includes('/'));
  const isCalled = (name: string): boolean =>
    called.includes(name) ||
    texts.some((text) => new RegExp(`(^|[|;&(]|\\$\\()\\s*${name}\\s`, 'm').test(text));
  const known = Object.keys(programPackages).filter(isCalled);
  const needed = new Set([...known, ...called]);
  return [...new Set([...needed, ...alwaysTold])].map((name) => ({ name, isNeeded: needed.has(name) }));
}

/** The registries of all images from outside that the Dockerfiles stand on. */
function placesOf(images: readonly ImageTask[], root: string): Site[] {
  const places = new Map<string, Site>();
  for (const task of images) {
    const needs = Object.fromEntries(task.needs.map((need) => [need.name, 'scratch']));
    const text = readIfThere(path.join(root, task.dockerfile));
    for (const reference of externalImages(text, task, { ...task.args, ...needs })) {
      const place = registrySiteOf(reference);
      places.set(place.url, place);
    }
  }
  return [...places.values()];
}

function externalImages(text: string, task: ImageTask, args: Readonly<Record<string, string>>): string[] {
  try {
    return analyze(parseDockerfile(text), task.target, { args, platform: task.platform }).externalImages.map(
      ({ reference }) => reference,
    );
  } catch (error) {
    // Told where it matters: plan and build name the line.
    if (error instanceof DockerfileError) return [];
    throw error;
  }
}

function readIfThere(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}
