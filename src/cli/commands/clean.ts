import { type CleanResult, cleanProject } from '../../app/clean-project.ts';
import { planProject } from '../../app/plan-project.ts';
import type { CacheEntry } from '../../cache/entries.ts';
import type { ExitCode } from '../../model/errors.ts';
import { type CleanedGroup, cleanText } from '../../report/clean.ts';
import { makePaint } from '../../report/paint.ts';
import { type Context, openHere, planOptions } from '../context.ts';
import type { CleanRemoteFlags } from './clean-remote.ts';

export interface CleanFlags extends CleanRemoteFlags {
  readonly remote?: boolean;
}

const entryKinds: Record<CacheEntry['kind'], string> = {
  result: 'results of tasks',
  latest: 'last records of tasks',
  manifest: 'manifests',
  log: 'logs',
  pass: 'passed tests',
  leftover: 'leftovers of killed runs',
};

/** `tasks clean`: removes old cache entries, logs and local content tags, never what the plan uses. */
export async function clean(context: Context, flags: CleanFlags): Promise<ExitCode> {
  if (flags.remote) return await (await import('./clean-remote.ts')).cleanRemote(context, flags);
  const { host, terminal, settings } = context;
  const { json, outColor, verbose } = settings.output;
  const planned = await planProject(await openHere(context), planOptions(context, []), host, {
    needsEngine: false,
  });
  const dryRun = flags.dryRun === true;
  const trimmed = groupsOf(await cleanProject(planned, { dryRun }, host));
  if (json) terminal.json({ dryRun, trimmed });
  else
    for (const line of cleanText(trimmed, makePaint(outColor), { isDone: !dryRun, verbose }))
      terminal.out(`${line}\n`);
  return 0;
}

function groupsOf({ entries, contentTags, devTags }: CleanResult): CleanedGroup[] {
  const kinds = (Object.keys(entryKinds) as CacheEntry['kind'][]).map((kind): CleanedGroup => {
    const own = entries.filter((each) => each.kind === kind);
    return { what: entryKinds[kind], names: own.map(({ paths }) => paths[0]!), bytes: bytesOf(own) };
  });
  const tags = (what: string, group: CleanResult['devTags']): CleanedGroup => ({
    what,
    names: group.map(({ tag }) => tag),
    bytes: bytesOf(group),
  });
  return [
    ...kinds,
    tags('content tags in the engine', contentTags),
    tags('dev tags of earlier runs', devTags),
  ];
}

function bytesOf(things: readonly { readonly bytes: number }[]): number {
  return things.reduce((sum, { bytes }) => sum + bytes, 0);
}
