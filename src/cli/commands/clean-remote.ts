import path from 'node:path';
import { type CleanRegistryResult, cleanRegistry } from '../../app/clean-registry.ts';
import { readReleaseFile } from '../../app/release-files.ts';
import type { ExitCode } from '../../model/errors.ts';
import type { Removal } from '../../release/choose-removals.ts';
import { formatNames } from '../../release/publish-context.ts';
import { type CleanedRepository, cleanRemoteText } from '../../report/clean-remote.ts';
import { pluralize } from '../../report/format.ts';
import { makePaint } from '../../report/paint.ts';
import { type Context, openHere } from '../context.ts';

export interface CleanRemoteFlags {
  readonly dryRun?: boolean;
  /** Release files whose images are kept. */
  readonly keep?: readonly string[];
}

/** `tasks clean --remote`: removes this project's old tags from the registry. */
export async function cleanRemote(context: Context, flags: CleanRemoteFlags): Promise<ExitCode> {
  const { host, terminal, own, signal, settings } = context;
  const { json, outColor, verbose } = settings.output;
  const open = await openHere(context);
  const keep = (flags.keep ?? []).map((file) => readReleaseFile(path.resolve(context.cwd, file), file));
  const dryRun = flags.dryRun === true;
  const result = await cleanRegistry(open, { names: settings.names, dryRun, keep, signal }, host);
  if (json) terminal.json(resultJson(result, dryRun));
  else
    for (const line of cleanRemoteText(repositoriesOf(result), makePaint(outColor), {
      isDone: !dryRun,
      verbose,
    }))
      terminal.out(own.pasteable(`${line}\n`));
  for (const line of keptForOthers(result)) terminal.err(line);
  const { changed, error, left } = result;
  if (changed.length > 0)
    terminal.err(`${pluralize(changed.length, 'image')} changed meanwhile: kept until the next clean\n`);
  if (error === undefined) return signal.aborted ? 130 : 0;
  terminal.err(`stopped with ${pluralize(left, 'image')} left; run it again to resume\n`);
  throw error;
}

/** Returns what is kept because other projects use the repository. */
function keptForOthers({ inventory, naming }: CleanRegistryResult): string[] {
  const { owners } = inventory;
  const { cacheRepo } = naming;
  if (owners === undefined) return [];
  if (owners.hasUnknownOwner)
    return [
      `${cacheRepo} is shared with a project that has not announced its images: all content tags there are kept\nhint: push once from that project, or give each project its own cacheRepo\n`,
    ];
  const others = [...owners.otherNames].sort();
  return others.length === 0
    ? []
    : [`${cacheRepo} is shared: content tags of ${formatNames(others)} are kept\n`];
}

function repositoriesOf({ inventory: { tags }, removed }: CleanRegistryResult): CleanedRepository[] {
  const repositories = [...new Set(tags.map(({ repository }) => repository))];
  return repositories.map((name) => ({
    name,
    tags: tags.filter(({ repository }) => repository === name).length,
    removals: removed.filter(({ repository }) => repository === name),
  }));
}

const dayMs = 86_400_000;

function resultJson({ inventory, removed, changed }: CleanRegistryResult, dryRun: boolean): object {
  const shown = (removals: readonly Removal[]): object[] =>
    removals.map(({ repository, digest, whole, tags }) => ({
      repository,
      digest,
      manifest: whole,
      tags: tags.map(({ tag, kind, age }) => ({
        tag,
        kind,
        ...(age !== undefined ? { days: Math.floor(age / dayMs) } : {}),
      })),
    }));
  return { dryRun, seen: inventory.tags.length, removed: shown(removed), changed: shown(changed) };
}
