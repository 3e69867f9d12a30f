import { DefinitionError, type Problem } from '../model/errors.ts';
import type { Task } from '../model/task.ts';
import { familiarName, maxTagLength, type Naming } from './refs.ts';

/** The limit of registries and engines for the part of a reference before the tag. */
const maxRepositoryLength = 255;
/** What a content tag and its test pass tag append: `-k` and 12 digits, then `-t` and 12 digits. */
const contentTagSuffixLength = 28;
const hub = 'docker.io/';

/**
 * Checks references before anything is built: names in a definition can be valid by themselves and still be too long together with
 * the repository or suffix, or in the repository for build caches.
 * @throws DefinitionError (exit 2)
 */
export function checkReferences(tasks: Iterable<Task>, naming: Naming): void {
  const problems = [...tasks].flatMap((task) => (task.kind === 'image' ? findProblems(task, naming) : []));
  if (problems.length > 0) throw new DefinitionError(mergeVersions(problems));
}

/** Reports a problem of several versions once, for the first version. */
function mergeVersions(problems: readonly Problem[]): Problem[] {
  const groups = new Map<string, Problem[]>();
  for (const problem of problems) {
    const id = `${problem.file} ${problem.definition} ${problem.message}`;
    groups.set(id, [...(groups.get(id) ?? []), problem]);
  }
  return [...groups.values()].map(([first, ...more]) =>
    more.length === 0 ? first! : { ...first!, found: `${first!.found}, and ${more.length} more` },
  );
}

function findProblems(task: Task & { kind: 'image' }, naming: Naming): Problem[] {
  const { repo, cacheRepo, cacheTo, suffix } = naming;
  const place = { file: task.where.file, definition: task.name };
  const problems: Problem[] = [];
  const checkLength = (what: string, found: string, length: number, max: number, hint: string): void => {
    if (length > max)
      problems.push({
        ...place,
        message: `${what} is too long`,
        found,
        expected: `at most ${max} characters, not ${length}`,
        hint,
      });
  };
  const isHost = /^[^/]*[.:][^/]*\/|^localhost\//.test(repo);
  const repository = `${repo}/${task.name}`;
  checkLength(
    'the repository name',
    repository,
    repository.length + (isHost ? 0 : hub.length),
    maxRepositoryLength,
    'shorten the name or the repository',
  );
  const isCacheToo = (other: string | undefined): boolean =>
    other !== undefined && cacheTo !== undefined && familiarName(other) === familiarName(cacheTo);
  if (isCacheToo(repository) || isCacheToo(cacheRepo))
    problems.push({
      ...place,
      message: 'its repository is also that of the build caches, which replace their tags',
      found: cacheTo!,
      expected: 'another repository in cacheTo',
    });
  if (task.output === 'image' && cacheRepo !== undefined) {
    const content = `${task.name.replaceAll('/', '-')}-${task.version.replaceAll('~', '')}`;
    checkLength(
      `its content tag in ${cacheRepo}`,
      content,
      content.length + contentTagSuffixLength,
      maxTagLength,
      'shorten the name or the version, or remove cacheRepo',
    );
  }
  for (const tag of task.publish ? [...task.tags, ...task.aliases] : [])
    checkLength(
      'its tag with the suffix',
      `${tag}${suffix}`,
      tag.length + suffix.length,
      maxTagLength,
      'shorten the tag or the --suffix',
    );
  return problems;
}
