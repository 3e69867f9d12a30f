import path from 'node:path';
import {
  type PreparedPush,
  planPush,
  preparePush,
  presentDigest,
  recoverPush,
  type TargetedPush,
  targetPush,
} from '../../app/prepare-push.ts';
import { type PushedProject, pushProject } from '../../app/push-project.ts';
import { checkWritable, type ReleaseFilePlace, releasePath, saveRelease } from '../../app/release-files.ts';
import type { ExitCode } from '../../model/errors.ts';
import { shellWord } from '../../model/shell-word.ts';
import type { Task } from '../../model/task.ts';
import type { TagChange } from '../../release/journal.ts';
import { formatNames } from '../../release/publish-context.ts';
import { alignColumns, pluralize } from '../../report/format.ts';
import { type Context, isVocal, openHere, planOptions, runOptions } from '../context.ts';
import { exitCodeOf } from '../exit-code.ts';
import { openFollowers, withScreen } from '../run-screen.ts';
import { printPlan } from './plan.ts';

export interface PushFlags {
  readonly uploadOnly?: boolean;
  readonly strict?: boolean;
  readonly dryRun?: boolean;
  readonly resume?: boolean;
  readonly output?: string;
}

/** `tasks push`: builds what is missing, tests it, uploads everything, and then sets all tags or none. */
export async function push(
  context: Context,
  selectors: readonly string[],
  flags: PushFlags,
): Promise<ExitCode> {
  const { host, terminal } = context;
  const followers = await openFollowers(context);
  const open = await openHere(context);
  const prepared = await preparePush(open, planOptions(context, selectors), host, flags.uploadOnly === true);
  if (isVocal(context)) for (const line of unpublishedText(prepared)) terminal.err(`${line}\n`);
  if (flags.dryRun) return await rehearse(await targetPush(prepared, host), flags, context);
  if (flags.resume) {
    const isRecovered = await recoverPush(prepared, true);
    if (!isRecovered) terminal.err('no push stopped halfway: there is nothing to resume\n');
    return 0;
  }
  const place = placeOf(prepared, flags, context);
  if (!flags.uploadOnly) checkWritable(place);
  await recoverPush(prepared, false);
  const target = await targetPush(prepared, host);
  const pushed = await withScreen(context, { followers, mainPhase: 'upload' }, (onEvent) =>
    pushProject(
      target,
      {
        ...runOptions(context, onEvent),
        uploadOnly: flags.uploadOnly === true,
        strict: flags.strict === true,
      },
      host,
    ),
  );
  return report(pushed, place, context);
}

/** Returns what a push does with selected tasks that it does not publish; nothing without selectors, unless it publishes nothing. */
function unpublishedText({ graph, selected, options }: PreparedPush): string[] {
  const tasks = [...selected].map((id) => graph.tasks.get(id)!);
  if (options.selectors.length === 0 && tasks.some(({ publish }) => publish)) return [];
  const others = tasks.filter(({ publish }) => !publish);
  const makesFiles = (task: Task): boolean => task.kind === 'command' || task.output === 'files';
  const line = (some: readonly Task[], reason: string): string[] =>
    some.length === 0 ? [] : [`not published: ${formatNames(some.map(({ id }) => id))} (${reason})`];
  return [
    ...line(others.filter(makesFiles), 'makes files, not an image'),
    ...line(
      others.filter((task) => !makesFiles(task)),
      'publish: false; uploaded without tags, for the images that need it',
    ),
  ];
}

function placeOf({ open, started }: PreparedPush, { output }: PushFlags, { cwd }: Context): ReleaseFilePlace {
  return {
    output: output === undefined ? undefined : path.resolve(cwd, output),
    fallback: releasePath(open.cacheFolder, started),
  };
}

/** `--dry-run`: prints what would be built and which tags would be set. */
async function rehearse(target: TargetedPush, flags: PushFlags, context: Context): Promise<ExitCode> {
  const planned = await planPush(target, context.host);
  const exitCode = printPlan(planned, {}, context);
  if (context.settings.output.json || flags.uploadOnly) return exitCode;
  const rows = [...target.targetTags.published].flatMap(([id, tags]) => {
    const digest = presentDigest(planned, id);
    return [...tags].map(([name, now]) => [
      now === undefined ? 'new' : now === digest ? 'stays' : 'moves',
      name,
    ]);
  });
  const lines = alignColumns(rows).map((line) => `${line}\n`);
  if (rows.length > 0) context.terminal.out(`\ntags that would be set:\n${lines.join('')}`);
  return exitCode;
}

/** Prints what a push did, and writes the release file. @throws the error of the push, unless it was interrupted */
function report(
  { outcome, error, endedEarly, changes, release }: PushedProject,
  place: ReleaseFilePlace,
  context: Context,
): ExitCode {
  const { terminal, signal, settings } = context;
  const say = (text: string): void => {
    if (isVocal(context)) terminal.err(context.own.pasteable(text));
  };
  if (error !== undefined) {
    if (!signal.aborted) throw error;
    terminal.err(`${error.message}\n`);
  }
  if (endedEarly) say('nothing is published: no tags were set\n');
  if (outcome !== 'ok') return exitCodeOf(outcome);
  if (release === undefined) {
    const { release: isRelease, suffix } = settings.names;
    const flags = `${isRelease ? ' --release' : ''}${suffix === undefined ? '' : ` --suffix=${shellWord(suffix)}`}`;
    say(
      `uploaded; no tags were set\nnext: tasks push${flags}   # sets the tags once everything is uploaded\n`,
    );
    return 0;
  }
  const names = release.images.flatMap(({ tags, aliases }) => [...tags, ...aliases]);
  if (!settings.output.json) for (const name of names) terminal.out(`${name}\n`);
  say(`${names.length === 0 ? 'no tags to set: no selected task is published' : changesText(changes)}\n`);
  const file = relativeTo(context.cwd, saveRelease(release, place));
  say(`release file: ${file}\nnext: tasks verify ${shellWord(file)}   # compares the registry with it\n`);
  return signal.aborted ? 130 : 0;
}

function changesText(changes: readonly TagChange[]): string {
  const added = changes.filter(({ before }) => before === undefined).length;
  const parts = [
    ...(added > 0 ? [pluralize(added, 'new tag')] : []),
    ...(changes.length > added ? [`${pluralize(changes.length - added, 'tag')} moved`] : []),
  ];
  return parts.length > 0 ? `published: ${parts.join(', ')}` : 'all tags are already up to date';
}

/** A path as a person would type it. */
function relativeTo(cwd: string, file: string): string {
  const relative = path.relative(cwd, file);
  return relative.startsWith('..') ? file : relative;
}
