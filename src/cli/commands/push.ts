import { gitState } from '../../engine/git.ts';
import { select, withNeeds } from '../../graph/select.ts';
import { type ExitCode, TasksError } from '../../model/errors.ts';
import type { Task } from '../../model/task.ts';
import { type Naming, namingOf } from '../../plan/refs.ts';
import { dockerRegistry } from '../../registry/registry.ts';
import { releaseFile } from '../../release/file.ts';
import { type Change, journalName } from '../../release/journal.ts';
import { checkPermission, wantedTags } from '../../release/preflight.ts';
import { endUnfinished } from '../../release/unfinished.ts';
import { count } from '../../report/format.ts';
import { deskFor } from '../desk.ts';
import { type CommonFlags, namesOf, reporterOf } from '../flags.ts';
import type { Io } from '../io.ts';
import { type OpenProject, openProject, planProject } from '../project.ts';
import { type Attempt, type Done, tryOnce } from '../push.ts';
import { saveRelease } from '../release.ts';
import { printPlan } from './plan.ts';

export interface PushFlags extends CommonFlags {
  readonly release?: boolean;
  readonly uploadOnly?: boolean;
  readonly strict?: boolean;
  readonly dryRun?: boolean;
  readonly resume?: boolean;
  readonly output?: string;
}

/** How often the plan is made anew because another machine was first with an image. */
const rounds = 3;

/** `tasks push`: builds what is missing, tests it, uploads everything, and then sets all tags, or none. */
export async function push(selectors: readonly string[], flags: PushFlags, io: Io): Promise<ExitCode> {
  const started = io.now();
  const open = await openProject(flags, io);
  const naming = repositoryOf(open, flags, io, started);
  const chosen = select(open.graph, selectors);
  const tasks = (ids: Iterable<string>): Task[] => [...ids].map((id) => open.graph.tasks.get(id)!);
  const registry = dockerRegistry(io.environment, io.signal);
  const desk = deskFor(journalName(naming), io);
  if (!flags.dryRun) {
    await checkPermission(registry, tasks(withNeeds(open.graph, chosen)), naming);
    await endUnfinished(desk, flags.resume === true, io.signal);
    if (flags.resume) return 0;
  }
  const wanted = await wantedTags(registry, tasks(chosen), open.graph, naming);
  for (const note of wanted.notes) io.err(`${note}\n`);
  if (flags.dryRun) {
    const push = { registry, naming, published: wanted.published };
    const prospect = await planProject(selectors, flags, io, { withoutEngine: true, tests: true, push });
    return printPlan(prospect.plan, flags, io);
  }
  const git = naming.suffix === '' ? await gitState(open.root, io.environment, io.signal) : undefined;
  const attempt: Attempt = { selectors, flags, io, registry, desk, naming, wanted, git };
  const done = await untilNotOvertaken(attempt);
  if (done.kind === 'ended') {
    if (reporterOf(flags, io) !== 'json') io.err('nothing is published: no tag was set\n');
    return done.exitCode;
  }
  const { prospect, pushed, results, passed } = done;
  if (pushed.error !== undefined) {
    if (!io.signal.aborted) throw pushed.error;
    io.err(`${pushed.error.message}\n`);
  }
  if (pushed.exitCode !== 0) return pushed.exitCode;
  const { plan, cacheFolder } = prospect;
  if (!flags.uploadOnly) {
    const facts = { plan, results, digests: pushed.digests, passed, wanted, naming, git };
    const release = releaseFile({ ...facts, started, finished: io.now() });
    const file = saveRelease(release, flags.output, cacheFolder, io);
    if (!flags.json)
      for (const { tags, aliases } of release.images)
        for (const tag of [...tags, ...aliases]) io.out(`${tag}\n`);
    if (!['json', 'silent'].includes(reporterOf(flags, io)))
      io.err(
        `${tagsSet(pushed.changes)}\nrelease file: ${file}\nnext: tasks verify ${file}   compares the registry with it\n`,
      );
  } else if (!['json', 'silent'].includes(reporterOf(flags, io)))
    io.err('uploaded; no tag was set\nnext: tasks push   sets the tags, once all that it needs is there\n');
  return io.signal.aborted ? 130 : 0;
}

function tagsSet(changes: readonly Change[]): string {
  const [fresh, moved] = [
    changes.filter(({ before }) => before === undefined),
    changes.filter(({ before }) => before !== undefined),
  ];
  if (changes.length === 0) return 'all tags point right already';
  const parts = [
    fresh.length > 0 ? `${count(fresh.length, 'new tag')}` : '',
    moved.length > 0 ? `${count(moved.length, 'tag')} moved` : '',
  ];
  return `published: ${parts.filter(Boolean).join(', ')}`;
}

/** How things are named; a push needs a repository that somebody named. @throws TasksError exit 2 */
function repositoryOf({ project }: OpenProject, flags: PushFlags, io: Io, now: Date): Naming {
  const names = namesOf(flags, io);
  if ((names.repo ?? project.repo) === undefined)
    throw new TasksError(2, 'no repository to push to', {
      hint: "name it: --repo citus, DOCKER_REPO, or project({ repo: 'citus' }) in the definitions",
    });
  return namingOf(names, project, now);
}

async function untilNotOvertaken(attempt: Attempt): Promise<Done> {
  for (let round = 1; ; round++) {
    const done = await tryOnce(attempt, round === 1);
    if (done.kind === 'ended' || !done.pushed.isOvertaken) return done;
    if (round === rounds)
      throw new TasksError(1, 'other machines keep pushing the same images; nothing is published', {
        hint: 'push again when they are through: what was uploaded is kept',
      });
    attempt.io.err(
      'another machine was first with an image of the same key: planning again, to build on that\n',
    );
  }
}
