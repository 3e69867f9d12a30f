import { DefinitionError, type Problem } from '../model/errors.ts';
import type { Task } from '../model/task.ts';
import type { Naming } from './refs.ts';

/** What registries and engines take: of a tag, and of all that stands before its colon. */
const mostInTag = 128;
const mostInRepository = 255;
/** `-k` and twelve digits, `-t` and twelve more: what a content tag and its test's pass add. */
const contentTagRoom = 28;
const hub = 'docker.io/';

/**
 * Refuses names that are fine by themselves and too long together, before anything is built under them.
 * @throws DefinitionError exit 2
 */
export function checkNameLengths(tasks: Iterable<Task>, naming: Naming): void {
  const problems = [...tasks].flatMap((task) => (task.kind === 'image' ? faultsOf(task, naming) : []));
  if (problems.length > 0) throw new DefinitionError(firstOfEach(problems));
}

/** Of many versions with one fault the first is enough to see what is wrong. */
function firstOfEach(problems: readonly Problem[]): Problem[] {
  const faults = new Map<string, Problem[]>();
  for (const problem of problems) {
    const id = `${problem.file} ${problem.definition} ${problem.message}`;
    faults.set(id, [...(faults.get(id) ?? []), problem]);
  }
  return [...faults.values()].map(([first, ...more]) =>
    more.length === 0 ? first! : { ...first!, found: `${first!.found}, and ${more.length} more` },
  );
}

function faultsOf(task: Task & { kind: 'image' }, naming: Naming): Problem[] {
  const { repo, cacheRepo, suffix } = naming;
  const place = { file: task.where.file, definition: task.name };
  const problems: Problem[] = [];
  const tooLong = (what: string, found: string, length: number, most: number, hint: string): void => {
    if (length > most)
      problems.push({
        ...place,
        message: `${what} would be too long`,
        found,
        expected: `${most} characters at most, not ${length}`,
        hint,
      });
  };
  const isHost = /^[^/]*[.:][^/]*\/|^localhost\//.test(repo);
  const repository = `${repo}/${task.name}`;
  tooLong(
    'the name of its repository',
    repository,
    repository.length + (isHost ? 0 : hub.length),
    mostInRepository,
    'shorten the name, or the repository',
  );
  if (task.output === 'image' && cacheRepo !== undefined) {
    const content = `${task.name.replaceAll('/', '-')}-${task.version.replaceAll('~', '')}`;
    tooLong(
      `the tag under which ${cacheRepo} keeps it, with a key behind it,`,
      content,
      content.length + contentTagRoom,
      mostInTag,
      'shorten the name or the version, or leave cacheRepo out',
    );
  }
  for (const tag of task.publish ? [...task.tags, ...task.aliases] : [])
    tooLong(
      'its tag with the suffix of this run',
      `${tag}${suffix}`,
      tag.length + suffix.length,
      mostInTag,
      'shorten the tag, or choose another --suffix',
    );
  return problems;
}
