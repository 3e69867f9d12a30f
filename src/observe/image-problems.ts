import type { PathKind } from '../disk/disk.ts';
import type { ExternalImage } from '../dockerfile/external-image.ts';
import type { ImageTask } from '../model/task.ts';
import type { DockerfileFacts, DockerfileProblem } from './dockerfile-facts.ts';
import { placeInLine } from './line-place.ts';
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

/**
 * Returns the problems of a Dockerfile, and of needs that it does not use. `text`: the Dockerfile. `images`: what it and its named
 * contexts name.
 */
export function dockerfileProblems(
  task: ImageTask,
  text: string,
  facts: DockerfileFacts,
  images: readonly ExternalImage[],
): TaskProblem[] {
  const problems = facts.faults.map((fault) => faultProblem(task, text, fault));
  if (problems.length > 0) return problems;
  return unusedNeedProblems(task, facts, images);
}

function faultProblem(task: ImageTask, text: string, fault: DockerfileProblem): TaskProblem {
  const { line, message, found, expected, details = {} } = fault;
  const { word, hint, isTarget } = details;
  if (isTarget)
    return { field: 'target', message: `${task.dockerfile}: ${message}`, found: task.target ?? '' };
  return {
    place: placeInLine(task.dockerfile, text, line, word),
    field: 'dockerfile',
    message,
    ...(found !== undefined ? { found } : {}),
    ...(expected !== undefined ? { expected } : {}),
    ...(hint !== undefined ? { hint } : {}),
  };
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
