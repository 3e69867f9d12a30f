import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorPage } from '../draw/html.ts';
import { type ExitCode, TasksError } from '../model/errors.ts';
import { isIgnoredPath } from '../observe/watch-paths.ts';
import type { Reporter } from '../report/reporter.ts';
import { watchAndRun } from '../run/watch.ts';
import { openPageServer } from '../serve/server.ts';
import type { CommonFlags } from './flags.ts';
import { type Io, warner } from './io.ts';
import { pageOf, pictureOf, titleOf } from './picture.ts';
import { openLinked, type Prospect, planProject } from './project.ts';
import { placesOf } from './watched-places.ts';

const pageErrors = (error: unknown): string =>
  errorPage(error instanceof Error ? error.message : String(error));

/** The page of `tasks build --ui`: it follows a run, and its server ends with it. */
export async function livePage(prospect: Prospect, io: Io): Promise<Reporter> {
  const server = await openPageServer({
    renderPage: () => livePageOf(prospect, false, io),
    renderErrorPage: pageErrors,
    keepsProcessAlive: false,
  });
  io.err(`page: ${server.url}\n`);
  return { onEvent: server.send, close: server.close };
}

function livePageOf(prospect: Prospect, changed: boolean, io: Io): Promise<string> {
  const about = { title: `tasks of ${titleOf(prospect)}`, isLive: true };
  return pageOf(prospect, pictureOf(prospect, changed), io, about);
}

/**
 * `tasks graph --serve`: a page of the project as it is, until it is interrupted. Each look at it plans anew; open pages are told
 * when something changed that counts, or when something was made.
 */
export async function serveGraph(
  selectors: readonly string[],
  flags: CommonFlags & { readonly changed?: boolean },
  io: Io,
): Promise<ExitCode> {
  const plan = (): Promise<Prospect> => planProject(selectors, flags, io, { withoutEngine: true });
  // What is wrong now ends it; what is wrong later is on the page until it is mended.
  const { root, cacheFolder } = await plan();
  const server = await openPageServer({
    renderPage: async () => livePageOf(await plan(), flags.changed === true, io),
    renderErrorPage: pageErrors,
    keepsProcessAlive: true,
  });
  io.out(`${server.url}\n`);
  const made = path.join(cacheFolder, 'latest');
  let watched: readonly string[] = [];
  let looks = 0;
  const run = async (changed: readonly string[]): Promise<readonly string[]> => {
    looks++;
    // The second look is the first with everything watched: nothing is missed from here on.
    if (looks === 2) io.err('open pages follow what changes; Ctrl-C ends it\n');
    if (looks === 2 || changed.length > 0) server.notifyNewPlan();
    try {
      watched = [made, ...placesOf(await openLinked(flags, io), selectors)];
    } catch (error) {
      if (!(error instanceof TasksError)) throw error;
    }
    return watched;
  };
  try {
    const { openWatcher } = await import('../observe/watcher.ts');
    const isIgnored = (file: string): boolean => isIgnoredPath(file, root) && !file.startsWith(made);
    await watchAndRun({
      openWatcher: (onChange) => openWatcher({ onChange, onProblem: warner(io), isIgnored }),
      run: run,
      clock: { sleep: (ms, signal) => delay(ms, undefined, { signal }) },
      signal: io.signal,
    });
  } finally {
    await server.close();
  }
  return 130;
}
