import { parseSource } from '../../app/foreign-builds.ts';
import {
  type Adoption,
  adoptBuilds,
  checkNoDefinitions,
  compareAdoption,
  writeAdoption,
} from '../../app/init-project.ts';
import { findProject, openProject } from '../../app/open-project.ts';
import { type ExitCode, TasksError } from '../../model/errors.ts';
import { pluralize } from '../../report/format.ts';
import { comparisonLines, omissionLines } from '../../report/init.ts';
import { makePaint } from '../../report/paint.ts';
import type { Context } from '../context.ts';

export interface InitFlags {
  readonly from?: string;
  readonly check?: boolean;
  readonly dryRun?: boolean;
}

/** `tasks init`: writes definitions for what another tool builds, or compares them with it. */
export async function init(context: Context, names: readonly string[], flags: InitFlags): Promise<ExitCode> {
  const { settings, host, terminal, signal } = context;
  const source = flags.from === undefined ? undefined : parseSource(flags.from);
  if (flags.check && flags.dryRun) throw new TasksError(2, '--check and --dry-run: use one of them');
  if (names.length > 0 && source === undefined)
    throw new TasksError(2, `targets (${names.join(', ')}) need a file that has them`, {
      hint: 'add --from bake, --from compose or --from make',
    });
  if (flags.check) {
    const root = findProject(settings.start);
    const adoption = await adoptBuilds({ root, source, names, signal }, host);
    return await check(context, root, adoption, names);
  }
  const root = settings.start;
  checkNoDefinitions(root);
  const adoption = await adoptBuilds({ root, source, names, signal }, host);
  const { found, text, arrangement, omissions } = adoption;
  const write = flags.dryRun ? terminal.err : terminal.out;
  const line = (content: string): void => write(`${content}\n`);
  const paint = makePaint(flags.dryRun ? settings.output.errColor : settings.output.outColor);
  line(`found ${found.source}: ${pluralize(found.targets.length, 'target')}`);
  for (const other of found.others) line(`${paint.warn('note')} ${context.own.pasteable(other)}`);
  const count = arrangement.images.reduce((sum, { cells }) => sum + cells.length, 0);
  const what = `${pluralize(arrangement.images.length, 'definition')} of ${pluralize(count, 'image')}, ${text.split('\n').length - 1} lines`;
  if (flags.dryRun) terminal.out(text);
  else {
    const [file, ...more] = writeAdoption(root, adoption, host.program.typesFile);
    line(`wrote ${file}: ${what}`);
    if (more.length > 0) line(`wrote ${more.join(', ')}`);
  }
  for (const each of omissionLines(omissions, paint)) line(each);
  if (flags.dryRun) return 0;
  const code = await check(context, root, adoption, names);
  line(context.own.pasteable('next: tasks plan   # what a build would do, and why'));
  return code === 1 ? 0 : code;
}

async function check(
  context: Context,
  root: string,
  adoption: Adoption,
  names: readonly string[],
): Promise<ExitCode> {
  const { settings, host, terminal, signal, enter } = context;
  enter(root);
  const open = await openProject({ root, profile: settings.profile }, host);
  const comparison = await compareAdoption(open, adoption, { names, signal }, host);
  for (const line of comparisonLines(comparison, adoption.found.source, makePaint(settings.output.outColor)))
    terminal.out(`${line}\n`);
  return comparison.differences.length === 0 ? 0 : 1;
}
