import path from 'node:path';
import { findProject } from '../../app/open-project.ts';
import { planProject } from '../../app/plan-project.ts';
import { watchProject } from '../../app/watch-project.ts';
import { DefinitionError, type ExitCode } from '../../model/errors.ts';
import { pluralize } from '../../report/format.ts';
import { type Context, isVocal, openHere, planOptions } from '../context.ts';
import { printError } from '../print-error.ts';
import { openFollowers } from '../run-screen.ts';
import { buildAndReport } from './build.ts';

/** `tasks watch`: builds, and builds again whenever an input or a definition changes, until it is interrupted. */
export async function watch(context: Context, selectors: readonly string[]): Promise<ExitCode> {
  const { host, terminal, own, signal, settings } = context;
  const root = findProject(settings.start);
  const followers = await openFollowers(context);
  const say = (text: string): void => {
    if (isVocal(context)) terminal.err(`${text}\n`);
  };
  await watchProject(
    root,
    selectors,
    {
      open: () => openHere(context),
      plan: (open) => planProject(open, planOptions(context, selectors), host, { needsEngine: true }),
      build: async (planned) => (await buildAndReport(planned, selectors, context, followers)).outcome,
      onChange: ([first, ...more]) => {
        const others = more.length > 0 ? ` and ${more.length} more` : '';
        say(`changed: ${path.relative(root, first!)}${others}`);
      },
      onError: (error, isFirst) => {
        // Wrong definitions may be corrected while it watches; other errors at the start end it.
        if (isFirst && !(error instanceof DefinitionError)) throw error;
        // Printed even with --quiet: otherwise nothing would explain why no build starts.
        printError(error, terminal, own, settings.output.errColor);
      },
      onIdle: (places) => say(`watching ${pluralize(places, 'place')} for changes (Ctrl-C to stop)\n`),
    },
    host,
    signal,
  );
  return 130;
}
