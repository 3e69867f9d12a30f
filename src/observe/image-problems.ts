import path from 'node:path';
import { type Disk, type PathKind, pathKind } from '../disk/disk.ts';
import type { ExternalImage } from '../dockerfile/external-image.ts';
import type { ImageTask } from '../model/task.ts';
import type { DockerfileFacts } from './dockerfile-facts.ts';
import type { TaskProblem } from './task-problem.ts';
import type { Listed } from './walk.ts';

/** Returns the problem with the context or the Dockerfile of a task, if it is missing or of the wrong kind. */
export function pathProblem(
  task: ImageTask,
  context: PathKind,
  dockerfile: PathKind,
): TaskProblem | undefined {
  if (context !== 'folder')
    return {
      field: 'context',
      message: context === 'circle' ? 'symlink loop' : 'folder not found',
      found: task.context,
      expected: 'a folder below the project root',
    };
  if (dockerfile !== 'file')
    return {
      field: 'dockerfile',
      message: dockerfile === 'circle' ? 'symlink loop' : 'file not found',
      found: task.dockerfile,
      expected: 'a Dockerfile',
    };
  return undefined;
}

/** Returns a problem if the test of a task is missing. */
export function testProblem(
  { test }: ImageTask,
  { root, disk }: { readonly root: string; readonly disk: Disk },
): TaskProblem | undefined {
  if (test === undefined || isTest(path.join(root, test), disk)) return undefined;
  return {
    field: 'test',
    message: 'test not found',
    found: test,
    expected: 'a script, or a folder with an executable run',
  };
}

function isTest(file: string, disk: Disk): boolean {
  const kind = pathKind(disk, file);
  return kind === 'file' || (kind === 'folder' && pathKind(disk, path.join(file, 'run')) === 'file');
}

/** Returns the problems of a Dockerfile, and of needs that it does not use. `images`: what it and its named contexts name. */
export function dockerfileProblems(
  task: ImageTask,
  facts: DockerfileFacts,
  images: readonly ExternalImage[],
): TaskProblem[] {
  const problems: TaskProblem[] = facts.faults.map(({ line, message, found, expected }) => ({
    field: 'dockerfile',
    message: `${task.dockerfile}:${line}: ${message}`,
    ...(found !== undefined ? { found } : {}),
    ...(expected !== undefined ? { expected } : {}),
  }));
  if (problems.length > 0) return problems;
  return unusedNeedProblems(task, facts, images);
}

/** Returns a problem for each image need that the build would not use, with the names that a need could have. */
function unusedNeedProblems(
  task: ImageTask,
  { declaredArgs }: DockerfileFacts,
  images: readonly ExternalImage[],
): TaskProblem[] {
  const names = images.flatMap(({ place, reference }) => (place === 'syntax' ? [] : reference));
  const unused = task.needs.filter(
    ({ name, kind, isReference }) => kind === 'image' && !(isReference ? names : declaredArgs).includes(name),
  );
  const expected = [
    ...(declaredArgs.length > 0 ? [`an ARG (${declaredArgs.join(', ')})`] : []),
    ...(names.length > 0 ? [`an image that it names (${[...new Set(names)].join(', ')})`] : []),
  ];
  return unused.map(({ name, isReference }) => ({
    field: `needs.${name}`,
    message: isReference
      ? `${task.target === undefined ? '' : `the stage ${task.target} of `}${task.dockerfile} does not name this image, so the build would not use the image of this need`
      : `${task.dockerfile} does not declare ARG ${name}, so the build would not use the image of this need`,
    expected:
      expected.length > 0
        ? expected.join(' or ')
        : isReference
          ? 'the name of an ARG that sets the image'
          : `a line ARG ${name}`,
  }));
}

/** Returns a problem for each files need whose folder already exists in the context. */
export function needFolderProblems(task: ImageTask, listed: readonly Listed[]): TaskProblem[] {
  const exists = (name: string): boolean =>
    listed.some((file) => file.path === name || file.path.startsWith(`${name}/`));
  return task.needs
    .filter((need) => need.kind === 'files' && exists(need.name))
    .map((need) => ({
      field: `needs.${need.name}`,
      message: `the files of this need go to ${need.name}/ in the context, but ${task.context}/${need.name} already exists`,
      hint: 'rename the need, or the file or folder in the context',
    }));
}
