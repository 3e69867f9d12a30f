import path from 'node:path';
import { type Disk, pathKind } from '../disk/disk.ts';
import { type ContextPath, wholeContext } from '../dockerfile/context-path.ts';
import { type ExternalImage, externalImage } from '../dockerfile/external-image.ts';
import type { Memo } from '../incremental/memo.ts';
import type { ObservedContext, UnpinnedInput } from '../model/observed.ts';
import type { ImageTask } from '../model/task.ts';
import { ignoreFileName, listContext } from './build-context.ts';
import { contextWarnings } from './context-warnings.ts';
import type { DockerfileFacts } from './dockerfile-facts.ts';
import type { TaskProblem } from './task-problem.ts';
import { visibleFiles } from './visible-files.ts';
import { type Listed, readListed } from './walk.ts';

interface ContextSources {
  readonly root: string;
  readonly disk: Disk;
  readonly memo: Memo;
  readOnce<T>(id: string, read: () => T): T;
}

/** Returns the problems of named contexts that are no folders. */
export function namedContextProblems(
  { contexts = {} }: ImageTask,
  { root, disk }: ContextSources,
): TaskProblem[] {
  return Object.entries(contexts).flatMap(([name, source]): TaskProblem[] => {
    const kind = 'folder' in source ? pathKind(disk, path.resolve(root, source.folder)) : 'folder';
    if (kind === 'folder') return [];
    return [
      {
        field: `contexts.${name}`,
        message: kind === 'circle' ? 'symlink loop' : 'folder not found',
        found: 'folder' in source ? source.folder : '',
        expected: 'a folder below the project root',
      },
    ];
  });
}

/** Returns a problem for each named context that the Dockerfile does not name. */
export function unusedContextProblems(
  { dockerfile }: ImageTask,
  { unusedContexts }: DockerfileFacts,
): TaskProblem[] {
  return unusedContexts.map((name) => ({
    field: `contexts.${name}`,
    message: `${dockerfile} does not name this context`,
    expected: `FROM ${name}, COPY --from=${name} or RUN --mount=from=${name}`,
  }));
}

/** Returns the problems of fields that a version of docker/dockerfile does not know, which the syntax line of the Dockerfile selects. */
export function frontendProblems(task: ImageTask, { frontendKind }: DockerfileFacts): TaskProblem[] {
  if (frontendKind !== 'old') return [];
  const fields = ['contexts', 'shmSize', 'ulimits', 'cgroupParent'] as const;
  return fields
    .filter((field) => task[field] !== undefined)
    .map((field) => ({
      field,
      message: `the docker/dockerfile that ${task.dockerfile} selects does not support this`,
      expected: '# syntax=docker/dockerfile:1.4 or newer, or no syntax line',
    }));
}

/**
 * Returns the images that named contexts are, where the target uses them. If it is not known what the target uses, all of them
 * count, on an unknown platform.
 */
export function contextImages(task: ImageTask, { contextUses, seen }: DockerfileFacts): ExternalImage[] {
  return Object.entries(task.contexts ?? {}).flatMap(([name, source]) => {
    if (!('image' in source)) return [];
    const { image } = source;
    const uses = contextUses.filter((use) => use.name === name);
    const place = { place: 'contexts', context: name } as const;
    if (seen === undefined)
      return [externalImage(image, uses[0]?.line ?? 1, { platform: 'any', isBase: true, ...place })];
    return uses.map(({ line, platform, isBase }) =>
      externalImage(image, line, { platform, isBase, ...place }),
    );
  });
}

/** What is known of a task's named contexts, with notes for people. */
export interface NamedContexts {
  readonly contexts: readonly ObservedContext[];
  readonly impure: readonly UnpinnedInput[];
  readonly suspect: readonly string[];
}

/**
 * Reads the named contexts of a task. `isWhole`: everything in them counts. A context that only ONBUILD instructions of other images
 * name is not used. @throws Unreadable
 */
export function observeContexts(
  { contexts = {} }: ImageTask,
  { contextUses, seen }: DockerfileFacts,
  isWhole: boolean,
  sources: ContextSources,
  addProblem: (problem: TaskProblem) => void,
): NamedContexts {
  const [observed, impure, suspect]: [ObservedContext[], UnpinnedInput[], string[]] = [[], [], []];
  for (const name of Object.keys(contexts).sort()) {
    const source = contexts[name]!;
    const uses = contextUses.filter((use) => use.name === name);
    const isUsed = seen === undefined || uses.length > 0;
    const listed = isUsed && 'folder' in source ? listFolder(name, source.folder, sources, addProblem) : [];
    const paths: readonly ContextPath[] = isWhole ? [wholeContext] : uses.flatMap((use) => use.paths);
    const entries = visibleFiles(listed, paths).map((file) => readListed(file, sources.memo, sources.disk));
    observed.push({ name, source, isUsed, entries });
    if ('folder' in source) {
      const folder = path.resolve(sources.root, source.folder);
      const ignoreFile = (): string => ignoreFileName(folder, undefined, sources);
      suspect.push(...contextWarnings(entries, source.folder, ignoreFile, sources.memo));
    }
    if ('git' in source && isUsed && !isCommit(source.git)) {
      const address = source.git.replace(/(\/\/)[^/@]*@/, '$1');
      impure.push({
        kind: 'download',
        source: address,
        detail: `contexts.${name}: ${address} names no commit`,
      });
    }
  }
  return { contexts: observed, impure, suspect };
}

function listFolder(
  name: string,
  folder: string,
  sources: ContextSources,
  addProblem: (problem: TaskProblem) => void,
): readonly Listed[] {
  return listContext(path.resolve(sources.root, folder), undefined, sources, addProblem, `contexts.${name}`);
}

/** Tells whether a git address names a full commit, perhaps with a folder after it. */
function isCommit(address: string): boolean {
  return /#[0-9a-f]{40}(?:[0-9a-f]{24})?(?::|$)/.test(address);
}
