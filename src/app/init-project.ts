import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Arrangement, arrangeTargets } from '../adopt/arrange.ts';
import { type Comparison, compareTargets } from '../adopt/compare.ts';
import { listOmissions } from '../adopt/list-omissions.ts';
import { reduceTargets } from '../adopt/reduce.ts';
import { writeDefinitions } from '../adopt/write-definitions.ts';
import { writeNewFile } from '../disk/write.ts';
import { readCommit } from '../engine/git-state.ts';
import { definitionFiles, definitionsFolder } from '../load/project-root.ts';
import { TasksError } from '../model/errors.ts';
import { type ForeignSource, type FoundBuilds, readForeignBuilds } from './foreign-builds.ts';
import type { Host } from './host.ts';
import { linkProject } from './link-project.ts';
import type { OpenProject } from './open-project.ts';

export interface InitOptions {
  /** Absolute. */
  readonly root: string;
  /** Undefined: what is there. */
  readonly source: ForeignSource | undefined;
  /** Targets, services or goals; none for the other tool's own default. */
  readonly names: readonly string[];
  readonly signal: AbortSignal;
}

/** Definitions for what another tool builds. */
export interface Adoption {
  readonly found: FoundBuilds;
  readonly arrangement: Arrangement;
  /** The text of the definitions. */
  readonly text: string;
  /** What the definitions do not say, a line each. */
  readonly omissions: readonly string[];
}

/** The file that `tasks init` writes. */
const writtenFile = `${definitionsFolder}/images.ts`;

/**
 * Reads what another tool builds, and makes definitions of it. Writes nothing.
 * @throws TasksError with exit code 2 if there is nothing to read, 3 if a program is missing
 */
export async function adoptBuilds(
  { root, source, names, signal }: InitOptions,
  host: Host,
): Promise<Adoption> {
  const found = await readForeignBuilds(root, source, names, host, signal);
  const moment = { commit: await readCommit(root, host.environment, signal), now: host.clock.now() };
  const texts = new Map<string, string | undefined>();
  const dockerfile = (name: string): string | undefined => {
    if (!texts.has(name)) texts.set(name, readIfFile(path.join(root, name)));
    return texts.get(name);
  };
  const reduced = reduceTargets(found.targets, { dockerfile, moment });
  const arrangement = arrangeTargets(reduced.targets);
  if (arrangement.images.length === 0)
    throw new TasksError(2, `nothing in ${found.source} can be written as a definition`, {
      hint: listOmissions([...found.omissions, ...reduced.omissions, ...arrangement.omissions]).join('\n'),
    });
  const written = writeDefinitions(arrangement, found.source);
  const omissions = listOmissions([
    ...found.omissions,
    ...reduced.omissions,
    ...arrangement.omissions,
    ...written.omissions,
  ]);
  return { found, arrangement, text: written.text, omissions };
}

/** Checks that definitions can be written. @throws TasksError with exit code 2 if there are some */
export function checkNoDefinitions(root: string): void {
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory())
    throw new TasksError(2, `${root} is not a folder`, {
      hint: 'pass the folder of the Dockerfiles: -C DIR',
    });
  const files = definitionFiles(root);
  if (files.length === 0 && !existsSync(path.join(root, writtenFile))) return;
  throw new TasksError(2, `there are definitions already: ${files.join(', ') || writtenFile}`, {
    hint: 'they are never overwritten; `tasks init --check` compares them with what the other tool builds',
  });
}

/**
 * Writes definitions and what belongs to them: a line in `.gitignore`, and types for editors if the package is not installed there.
 * `typesFile`: the declarations of `image-tasks`. Returns the paths written, relative to the root.
 */
export function writeAdoption(root: string, { text }: Adoption, typesFile: string): string[] {
  checkNoDefinitions(root);
  mkdirSync(path.join(root, definitionsFolder), { recursive: true });
  writeNewFile(path.join(root, writtenFile), text);
  return [writtenFile, ...ignoreCacheFolder(root), ...writeEditorTypes(root, typesFile)];
}

function ignoreCacheFolder(root: string): string[] {
  const file = path.join(root, '.gitignore');
  const text = readIfFile(file) ?? '';
  if (/^\/?\.cache(\/\*{0,2})?$/m.test(text)) return [];
  const start = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  writeFileSync(file, `${start}/.cache/\n`);
  return ['.gitignore'];
}

/** An installed package has its own types. */
function writeEditorTypes(root: string, typesFile: string): string[] {
  for (let folder = root; ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, 'node_modules/image-tasks/package.json'))) return [];
    if (path.dirname(folder) === folder) break;
  }
  const types = readIfFile(typesFile);
  if (types === undefined) return [];
  const config = {
    compilerOptions: {
      target: 'ES2023',
      module: 'ESNext',
      moduleResolution: 'Bundler',
      strict: true,
      noEmit: true,
      skipLibCheck: true,
    },
    include: ['*.ts'],
  };
  const files = {
    [`${definitionsFolder}/image-tasks.d.ts`]: ambientModule(types),
    [`${definitionsFolder}/tsconfig.json`]: `${JSON.stringify(config, undefined, 2)}\n`,
  };
  return Object.entries(files).flatMap(([name, text]) => {
    if (existsSync(path.join(root, name))) return [];
    writeNewFile(path.join(root, name), text);
    return [name];
  });
}

/** Returns declarations that need no package: those of a module that is found by its name alone. */
function ambientModule(types: string): string {
  const body = types
    .replace(/^\/\/.*\n/, '')
    .replace(/^(export )?declare /gm, '$1')
    .replace(/^(?=.)/gm, '  ');
  return `// For editors, as long as image-tasks is not in node_modules. Written by tasks init.\ndeclare module 'image-tasks' {\n${body}}\n`;
}

/** Compares the tasks of a project with what another tool builds. @throws TasksError */
export async function compareAdoption(
  open: OpenProject,
  { arrangement }: Adoption,
  { names, signal }: Pick<InitOptions, 'names' | 'signal'>,
  host: Host,
): Promise<Comparison> {
  const release = { repo: undefined, suffix: '', release: true };
  const { graph } = await linkProject(open, release, host, signal);
  return compareTargets(arrangement, graph.tasks.values(), open.project.repo, names.length === 0);
}

function readIfFile(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
