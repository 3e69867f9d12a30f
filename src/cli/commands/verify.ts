import path from 'node:path';
import { readReleaseFile } from '../../app/release-files.ts';
import type { ExitCode } from '../../model/errors.ts';
import { type VerifiedName, verifyRelease } from '../../release/release-file.ts';
import { alignColumns, pluralize } from '../../report/format.ts';
import type { Context } from '../context.ts';

/** `tasks verify FILE`: checks the registry against a release file; exit code 1 if they differ. */
export async function verify(context: Context, file: string): Promise<ExitCode> {
  const { host, terminal, signal, settings } = context;
  const { json, verbose } = settings.output;
  const release = readReleaseFile(path.resolve(context.cwd, file), file);
  const names = await verifyRelease(await host.connections.registry(signal), release);
  const wrong = names.filter(({ ok, isAlias, found }) => !ok && !(isAlias && found !== undefined));
  const isSame = wrong.length === 0;
  if (json) terminal.json({ ok: isSame, names });
  else {
    const rows = names
      .filter(({ ok }) => !ok || verbose)
      .map((each) => [stateOf(each), each.name, detailOf(each)]);
    for (const line of alignColumns(rows)) terminal.out(`${line}\n`);
    const all = `${pluralize(release.images.length, 'image')}, ${pluralize(names.length, 'name')}`;
    const verdict = isSame ? 'as released' : `${wrong.length} not as released`;
    terminal.out(`${all}: ${verdict} at ${release.finished}\n`);
  }
  return isSame ? 0 : 1;
}

function stateOf({ ok, isAlias, found }: VerifiedName): string {
  if (ok) return 'same';
  if (found === undefined) return 'missing';
  return isAlias ? 'moved on' : 'differs';
}

function detailOf({ ok, found, expected, isAlias }: VerifiedName): string {
  if (ok || found === undefined) return expected;
  return `${found} instead of ${expected}${isAlias ? ': an alias, which later releases move' : ''}`;
}
