import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { computeKeys } from '../../key/compute-keys.ts';
import type { ExitCode } from '../../model/errors.ts';
import type { RemoteContents } from '../../model/registry.ts';
import { makesFiles } from '../../model/task.ts';
import { type Naming, registryTag, runTags } from '../../plan/refs.ts';
import { chooseRemovals, type Removal } from '../../release/choose-removals.ts';
import { queryInventory } from '../../release/inventory.ts';
import { type CacheOwners, type Inventory, repositoriesOf } from '../../release/ownership.ts';
import { formatNames } from '../../release/publish-context.ts';
import {
  checkDeletePermission,
  checkIdle,
  type RemovalResult,
  removeTags,
} from '../../release/remove-tags.ts';
import { type CleanedRepository, cleanRemoteText } from '../../report/clean-remote.ts';
import { pluralize } from '../../report/format.ts';
import { makePaint } from '../../report/paint.ts';
import { deskFor } from '../desk.ts';
import { type CommonFlags, hasColor, namingIn } from '../flags.ts';
import type { Io } from '../io.ts';
import { type LinkedProject, type OpenProject, openLinked } from '../project.ts';
import { registryFor } from '../registries.ts';
import { readRelease } from '../release.ts';

export interface RemoteFlags extends CommonFlags {
  readonly dryRun?: boolean;
  /** Release files whose images stay. */
  readonly keep?: readonly string[];
}

/** `tasks clean --remote`: removes this project's old tags from the registry; never what anything that stays names. */
export async function cleanRemote(flags: RemoteFlags, io: Io): Promise<ExitCode> {
  const now = io.now();
  const open = await openLinked(flags, io);
  const naming = namingIn(open.project, flags, io, now, 'clean');
  const registry = registryFor(io);
  const desk = deskFor(
    naming,
    [...open.graph.tasks.values()].map(({ name }) => name),
    io,
  );
  const about = { ...(await namesIn(open, naming)), naming, pinned: pinnedBy(open, flags, io), now };
  const known = new Map<string, RemoteContents>();
  const look = (): Promise<Inventory> =>
    queryInventory(registry, repositoriesOf(naming, about.names), about, known);
  await checkIdle({ ...desk, registry });
  const facts = await look();
  const removals = chooseRemovals(facts);
  const isDry = flags.dryRun === true;
  let swept: RemovalResult = { removed: removals, changed: [] };
  if (!isDry && removals.length > 0) {
    await checkDeletePermission(registry, removals, desk.journalName);
    swept = await removeTags(desk, removals, async () => chooseRemovals(await look()), io.signal);
  }
  if (flags.json) io.json(documentOf(facts, swept, isDry));
  else {
    const paint = makePaint(hasColor(flags, io, io.outIsTerminal));
    const options = { isDone: !isDry, verbose: flags.verbose === true };
    for (const line of cleanRemoteText(tableOf(facts, swept.removed), paint, options)) io.out(`${line}\n`);
  }
  if (facts.owners !== undefined) for (const line of keptFor(facts.owners, naming)) io.err(line);
  const { changed, removed, error } = swept;
  if (changed.length > 0)
    io.err(`somebody else changed ${pluralize(changed.length, 'image')} meanwhile: left for another time\n`);
  if (error === undefined) return io.signal.aborted ? 130 : 0;
  const left = removals.length - removed.length - changed.length;
  io.err(`stopped with ${pluralize(left, 'image')} to go; the next clean takes up there\n`);
  throw error;
}

/** What stays for the sake of other projects. */
function keptFor({ otherNames, hasUnknownOwner }: CacheOwners, { cacheRepo }: Naming): string[] {
  if (hasUnknownOwner)
    return [
      `${cacheRepo} is shared with a project that does not say which images it has: all content tags there stay\nhint: push from that project once, or give each project its own cacheRepo\n`,
    ];
  return otherNames.size === 0
    ? []
    : [`${cacheRepo} is shared: content tags of ${formatNames([...otherNames].sort())} stay\n`];
}

/** All that the definitions name as they are now, under this profile: content tags, release tags, aliases. */
async function namesIn(
  { graph, observer }: LinkedProject,
  naming: Naming,
): Promise<Pick<Inventory, 'names' | 'named'>> {
  const { keyed } = await computeKeys(graph, new Set(graph.tasks.keys()), observer);
  const names = new Set<string>();
  const named = new Set<string>();
  for (const task of graph.tasks.values()) {
    if (task.kind !== 'image' || makesFiles(task)) continue;
    names.add(task.name);
    named.add(registryTag(task, keyed.get(task.id)!.key, naming));
    for (const tag of runTags(task, { ...naming, suffix: '' })) named.add(tag);
    for (const alias of task.aliases) named.add(`${naming.repo}/${task.name}:${alias}`);
  }
  return { names, named };
}

/** The digests that releases are pinned by: of the release files below `.cache`, and of those that --keep names. */
function pinnedBy({ cacheFolder }: OpenProject, flags: RemoteFlags, io: Io): ReadonlySet<string> {
  const folder = path.join(cacheFolder, 'releases');
  const own = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
  const releases = [
    // Dev pushes write such files, too.
    ...own.map((name) => readRelease(path.join(folder, name), io)).filter(({ suffix }) => !suffix),
    ...(flags.keep ?? []).map((file) => readRelease(file, io)),
  ];
  return new Set(releases.flatMap(({ images }) => images.map(({ digest }) => digest)));
}

const dayMs = 86_400_000;

function tableOf({ tags }: Inventory, gone: readonly Removal[]): CleanedRepository[] {
  const repositories = [...new Set(tags.map(({ repository }) => repository))];
  return repositories.map((name) => ({
    name,
    tags: tags.filter(({ repository }) => repository === name).length,
    removals: gone.filter(({ repository }) => repository === name),
  }));
}

function documentOf({ tags }: Inventory, { removed, changed }: RemovalResult, dryRun: boolean): object {
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
  return { dryRun, seen: tags.length, removed: shown(removed), changed: shown(changed) };
}
