import { readGitState } from '../../engine/git-state.ts';
import { resolveSelectors, withNeeds } from '../../graph/select.ts';
import { type ExitCode, TasksError } from '../../model/errors.ts';
import type { Project, Task } from '../../model/task.ts';
import { checkNameLengths } from '../../plan/name-lengths.ts';
import type { Naming } from '../../plan/refs.ts';
import type { TagChange } from '../../release/journal.ts';
import { checkPermission, resolveTargetTags } from '../../release/preflight.ts';
import { recoverUnfinished } from '../../release/recovery.ts';
import { makeReleaseFile } from '../../release/release-file.ts';
import { alignColumns, pluralize } from '../../report/format.ts';
import { deskFor } from '../desk.ts';
import { exitCodeOf } from '../exit-code.ts';
import { type CommonFlags, namingIn, reporterOf } from '../flags.ts';
import type { Io } from '../io.ts';
import { openLinked, planProject } from '../project.ts';
import { type Attempt, type Done, planPush, tryOnce } from '../push.ts';
import { registryFor } from '../registries.ts';
import { checkSources, checkWritable, releasePath, saveRelease } from '../release.ts';
import { followersOf, type ReportedRun, reportRun } from '../run.ts';
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
  const { graph, project, root, cacheFolder } = await openLinked(flags, io);
  const naming = pushNaming(project, flags, io, started);
  const selected = resolveSelectors(graph, selectors);
  const tasks = (ids: Iterable<string>): Task[] => [...ids].map((id) => graph.tasks.get(id)!);
  checkNameLengths(tasks(selected), naming);
  const registry = registryFor(io);
  const names = [...graph.tasks.values()].map(({ name }) => name);
  const desk = deskFor(naming, names, io);
  if (!flags.dryRun) {
    if (!flags.uploadOnly && !flags.resume)
      checkWritable(releasePath(flags.output, started, cacheFolder, io), flags.output !== undefined);
    await checkPermission(registry, tasks(withNeeds(graph, selected)), naming);
    const ended = await recoverUnfinished(desk, flags.resume === true, io.signal);
    if (flags.resume) {
      if (ended.length === 0) io.err('no push stopped half way: there is nothing to end\n');
      return 0;
    }
  }
  const wanted = await resolveTargetTags(registry, tasks(selected), graph, naming);
  for (const note of wanted.notes) io.err(`${note}\n`);
  if (flags.dryRun) return await rehearse(selectors, flags, io, { registry, naming, wanted });
  const git = naming.suffix === '' ? await readGitState(root, io.environment, io.signal) : undefined;
  const attempt: Attempt = { selectors, flags, io, registry, desk, naming, wanted, git };
  const done = await pushUntilFirst(attempt);
  if (done.kind === 'pushed') return conclude(done, attempt, flags, started, io);
  if (isTold(flags, io)) io.err('nothing is published: no tag was set\n');
  return done.exitCode;
}

/** `--dry-run`: what would be built, and which tags would be set; writes nothing. */
async function rehearse(
  selectors: readonly string[],
  flags: PushFlags,
  io: Io,
  { registry, naming, wanted }: Pick<Attempt, 'registry' | 'naming' | 'wanted'>,
): Promise<ExitCode> {
  const push = { registry, naming, published: wanted.published };
  const prospect = await planProject(selectors, flags, io, { withoutEngine: true, tests: true, push });
  const { plan } = prospect;
  const exitCode = printPlan(prospect, flags, io);
  if (flags.json || flags.uploadOnly) return exitCode;
  const rows = [...wanted.published].flatMap(([id, tags]) => {
    const digest = plan.steps.get(id)!.remote?.digest;
    return [...tags].map(([name, now]) => [
      now === undefined ? 'new' : now === digest ? 'stays' : 'moves',
      name,
    ]);
  });
  io.out(
    `\ntags that would be set:\n${alignColumns(rows)
      .map((line) => `${line}\n`)
      .join('')}`,
  );
  return exitCode;
}

/** Writes the release file, and says what came of the push. */
function conclude(
  { prospect, pushed, results, passed }: Extract<Done, { kind: 'pushed' }>,
  { wanted, naming, git }: Attempt,
  flags: PushFlags,
  started: Date,
  io: Io,
): ExitCode {
  if (pushed.error !== undefined) {
    if (!io.signal.aborted) throw pushed.error;
    io.err(`${pushed.error.message}\n`);
  }
  if (pushed.outcome !== 'ok') return exitCodeOf(pushed.outcome);
  if (flags.uploadOnly) {
    if (isTold(flags, io))
      io.err('uploaded; no tag was set\nnext: tasks push   sets the tags, once all that it needs is there\n');
    return 0;
  }
  const { plan, cacheFolder } = prospect;
  const facts = { plan, results, digests: pushed.digests, passed, wanted, naming, git };
  const release = makeReleaseFile({ ...facts, started, finished: io.now() });
  const names = release.images.flatMap(({ tags, aliases }) => [...tags, ...aliases]);
  if (!flags.json) for (const name of names) io.out(`${name}\n`);
  if (isTold(flags, io)) io.err(`${tagsSet(pushed.changes)}\n`);
  const path = (output?: string): string => releasePath(output, started, cacheFolder, io);
  const file = saveRelease(release, path(flags.output), path(), io);
  if (isTold(flags, io))
    io.err(`release file: ${file}\nnext: tasks verify ${file}   compares the registry with it\n`);
  return io.signal.aborted ? 130 : 0;
}

function isTold(flags: PushFlags, io: Io): boolean {
  return !['json', 'silent'].includes(reporterOf(flags, io));
}

function tagsSet(changes: readonly TagChange[]): string {
  const fresh = changes.filter(({ before }) => before === undefined).length;
  const parts = [
    ...(fresh > 0 ? [pluralize(fresh, 'new tag')] : []),
    ...(changes.length > fresh ? [`${pluralize(changes.length - fresh, 'tag')} moved`] : []),
  ];
  return parts.length > 0 ? `published: ${parts.join(', ')}` : 'all tags point right already';
}

/** How things are named. @throws TasksError exit 2 */
function pushNaming(project: Project, flags: PushFlags, io: Io, now: Date): Naming {
  if (flags.release && flags.suffix !== undefined)
    throw new TasksError(2, `--release has plain tags, --suffix asks for "${flags.suffix}"`, {
      hint: 'leave one of them out',
    });
  return namingIn(project, flags, io, now, 'push to');
}

/** Plans and pushes, and plans again where another machine was first with an image. */
async function pushUntilFirst(attempt: Attempt): Promise<Done> {
  const { flags, io, naming, git } = attempt;
  let prospect = await planPush(attempt);
  if (naming.suffix === '') checkSources(prospect.plan, git, flags.strict === true, io);
  const work = async (run: ReportedRun): Promise<Done> => {
    for (let round = 1; ; round++) {
      const done = await tryOnce(run, prospect, attempt);
      if (done.kind === 'ended' || !done.pushed.isOvertaken) return done;
      if (round === rounds)
        throw new TasksError(1, 'other machines keep pushing the same images; nothing is published', {
          hint: 'push again when they are through: what was uploaded is kept',
        });
      io.err('another machine was first with an image of the same key: planning again, to build on that\n');
      prospect = await planPush(attempt);
    }
  };
  const isOk = (done: Done): boolean => done.kind === 'pushed' && done.pushed.outcome === 'ok';
  return await reportRun('push', prospect, flags, io, followersOf(flags, io), work, isOk);
}
