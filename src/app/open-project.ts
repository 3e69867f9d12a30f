import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { writeNewFile } from '../disk/write.ts';
import { makeGraph, resolveProject } from '../graph/graph.ts';
import { type LoadedDefinitions, loadDeclarations } from '../load/load.ts';
import type { Locate } from '../load/locate.ts';
import { findRoot } from '../load/project-root.ts';
import { TasksError } from '../model/errors.ts';
import { machinePlatform } from '../model/machine.ts';
import type { Graph, Project } from '../model/task.ts';
import { checkReferences } from '../plan/check-references.ts';
import { resolveNaming } from '../plan/refs.ts';
import { checkProfile } from './check-profile.ts';
import type { Host } from './host.ts';
import { withPlaces } from './with-places.ts';

/** A project as its definitions were when it was opened. */
export interface OpenProject {
  /** Absolute. */
  readonly root: string;
  /** Absolute path of `.cache`. */
  readonly cacheFolder: string;
  readonly profile: string;
  /** The settings of `project()`. */
  readonly project: Project;
  /** Lacks the needs that only Dockerfiles tell; plans add them. */
  readonly graph: Graph;
  /** Adds to problems of the definitions their places in the source. */
  readonly locate: Locate;
}

/**
 * Returns the root of the project that a folder belongs to: the folder (absolute), or its nearest parent with `tasks/`.
 * @throws TasksError with exit code 2 if there is none
 */
export const findProject: (folder: string) => string = findRoot;

/** Projects with more definitions than this are large. */
const manyDefinitions = 10;

/**
 * Evaluates a project's definitions. `root`: absolute, a folder with `tasks/`. `profile`: what the definitions see as
 * `profile`.
 * @throws DefinitionError, TasksError with exit code 2
 */
export async function openProject(
  { root, profile }: { readonly root: string; readonly profile: string },
  { clock, program }: Pick<Host, 'clock' | 'program'>,
): Promise<OpenProject> {
  const cacheFolder = path.join(root, '.cache');
  excludeFromGit(cacheFolder);
  const declarations = await loadDeclarations({
    root,
    profile,
    cacheFolder: path.join(cacheFolder, 'definitions'),
    programId: program.id,
    loadModule: program.loadModule,
  });
  if (declarations.definitions.length > manyDefinitions) program.onLongRun?.();
  const { locate } = declarations;
  return await withPlaces({ locate }, async () => ({
    root,
    cacheFolder,
    profile,
    ...checkDeclarations(declarations, root, profile, clock.now()),
    locate,
  }));
}

function checkDeclarations(
  declarations: LoadedDefinitions,
  root: string,
  profile: string,
  now: Date,
): Pick<OpenProject, 'project' | 'graph'> {
  const project = resolveProject(declarations);
  checkProfile(profile, project);
  const graph = makeGraph(declarations, machinePlatform());
  if (graph.tasks.size === 0) {
    throw new TasksError(
      2,
      `the definitions in ${path.join(root, 'tasks')} declare no tasks (profile ${profile})`,
      { hint: 'export an image() or command(), or use another --profile' },
    );
  }
  checkReferences(graph.tasks.values(), resolveNaming({ suffix: '', release: true }, project, now));
  return { project, graph };
}

/** A new `.cache` is ignored by git, whatever the project's own ignore file says. */
function excludeFromGit(cacheFolder: string): void {
  if (existsSync(cacheFolder)) return;
  try {
    mkdirSync(cacheFolder, { recursive: true });
    writeNewFile(path.join(cacheFolder, '.gitignore'), '*\n');
  } catch {
    // Code that has to write there reports the error.
  }
}
