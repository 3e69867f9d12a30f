import { type LockResult, lockBases } from '../../app/lock-bases.ts';
import type { ExitCode } from '../../model/errors.ts';
import type { LockEntry } from '../../model/lock.ts';
import { alignColumns, pluralize } from '../../report/format.ts';
import { type Context, openHere } from '../context.ts';
import { errorText } from '../error-text.ts';

export interface LockFlags {
  readonly update?: boolean;
}

/** `tasks lock`: pins the external images that the definitions use to digests, in `tasks/lock.json`. */
export async function lock(context: Context, flags: LockFlags): Promise<ExitCode> {
  const { host, terminal, own, signal, settings } = context;
  const { names, output } = settings;
  const open = await openHere(context);
  const result = await lockBases(open, { names, update: flags.update === true, signal }, host);
  const { failed } = result;
  if (output.json) terminal.json(lockJson(result));
  else for (const line of lockLines(result)) terminal.out(`${line}\n`);
  for (const { image, error } of failed)
    terminal.err(errorText({ message: `cannot pin ${image}: ${error.message}`, hint: error.hint }, own));
  if (failed.length === 0) return 0;
  return failed.every(({ error, isLocal }) => error.exitCode === 3 && !isLocal) ? 3 : 1;
}

function lockJson({ file, lock: all, added, moved, dropped, failed }: LockResult): object {
  const brief = ({ image, platform, digest, onbuild }: LockEntry): object => ({
    image,
    platform,
    digest,
    onbuild,
  });
  return {
    file,
    pinned: all.size,
    added: added.map(brief),
    moved: moved.map(({ before, after }) => ({ ...brief(after), from: before.digest })),
    dropped: dropped.map(brief),
    failed: failed.map(({ image, platform, error, isLocal }) => ({
      image,
      platform,
      error: error.message,
      ...(error.hint !== undefined ? { hint: error.hint } : {}),
      isLocal,
    })),
  };
}

function lockLines({ file, lock: all, added, moved, dropped }: LockResult): string[] {
  const short = (digest: string): string => `${digest.slice(0, 19)}…`;
  const rows = [
    ...added.map(({ image, platform, digest }) => [image, `${short(digest)} added`, platform]),
    ...moved.map(({ before, after }) => [
      after.image,
      `${short(before.digest)} → ${short(after.digest)}`,
      after.platform,
    ]),
    ...dropped.map(({ image, platform }) => [image, 'removed: unused', platform]),
  ];
  const unchanged = rows.length === 0 ? ', nothing changed' : '';
  return [...alignColumns(rows), `${file}: ${pluralize(all.size, 'image')} pinned${unchanged}`];
}
