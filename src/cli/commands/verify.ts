import type { ExitCode } from '../../model/errors.ts';
import { type VerifiedName, verifyRelease } from '../../release/release-file.ts';
import { alignColumns, pluralize } from '../../report/format.ts';
import type { CommonFlags } from '../flags.ts';
import type { Io } from '../io.ts';
import { registryFor } from '../registries.ts';
import { readRelease } from '../release.ts';

/** `tasks verify FILE`: whether the registry still holds what a release file says; exit 1 where it doesn't. */
export async function verify(file: string, flags: CommonFlags, io: Io): Promise<ExitCode> {
  const release = readRelease(file, io);
  const verdicts = await verifyRelease(registryFor(io), release);
  const wrong = verdicts.filter(({ ok, isAlias, found }) => !ok && !(isAlias && found !== undefined));
  if (flags.json) io.json({ ok: wrong.length === 0, names: verdicts });
  else {
    const rows = verdicts
      .filter(({ ok }) => !ok || flags.verbose)
      .map((each) => [stateOf(each), each.name, detailOf(each)]);
    for (const line of alignColumns(rows)) io.out(`${line}\n`);
    const all = `${pluralize(release.images.length, 'image')}, ${pluralize(verdicts.length, 'name')}`;
    io.out(
      wrong.length === 0
        ? `${all}: as released at ${release.finished}\n`
        : `${all}: ${wrong.length} not as released at ${release.finished}\n`,
    );
  }
  return wrong.length === 0 ? 0 : 1;
}

function stateOf({ ok, isAlias, found }: VerifiedName): string {
  if (ok) return 'same';
  if (found === undefined) return 'gone';
  return isAlias ? 'moved on' : 'differs';
}

function detailOf({ ok, found, expected, isAlias }: VerifiedName): string {
  if (ok || found === undefined) return expected;
  return `${found} instead of ${expected}${isAlias ? ': an alias, which later releases move' : ''}`;
}
