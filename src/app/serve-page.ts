import path from 'node:path';
import { errorPage } from '../draw/html.ts';
import { TasksError } from '../model/errors.ts';
import { isIgnoredPath } from '../observe/watch-paths.ts';
import { watchAndRun } from '../run/watch.ts';
import { openPageServer, type PageServer } from '../serve/server.ts';
import { projectPage, projectPicture } from './graph-page.ts';
import type { Host } from './host.ts';
import type { OpenProject } from './open-project.ts';
import type { PlannedProject } from './plan-project.ts';
import { placesToWatch, watcherFor } from './watch-project.ts';

const renderErrorPage = (error: unknown): string =>
  errorPage(error instanceof Error ? error.message : String(error));

/** Serves the page of a plan that is about to run, until it is closed. */
export async function serveRunPage(planned: PlannedProject, host: Host): Promise<PageServer> {
  return await openPageServer({
    renderPage: () => renderLivePage(planned, false, host),
    renderErrorPage,
  });
}

export interface ServeGraphOptions {
  readonly selectors: readonly string[];
  /** Show only what would be done. */
  readonly changedOnly: boolean;
  readonly signal: AbortSignal;
  /** Reads the project as it is now: its definitions, and its graph with all needs. @throws TasksError */
  open(): Promise<OpenProject>;
  plan(): Promise<PlannedProject>;
  /** The page can be opened. */
  onListening(url: string): void;
  /** From here on open pages follow every change. */
  onWatching(): void;
}

/**
 * Serves a page of the project as it is, until the signal. Each request plans again. Open pages reload when an input or
 * a result changes.
 * @throws TasksError if the project cannot be planned at the start; later errors are shown on the page
 */
export async function serveGraph(options: ServeGraphOptions, host: Host): Promise<void> {
  const { selectors, changedOnly, signal, open, plan } = options;
  const { root, cacheFolder } = await plan();
  const server = await openPageServer({
    renderPage: async () => renderLivePage(await plan(), changedOnly, host),
    renderErrorPage,
  });
  options.onListening(server.url);
  const results = path.join(cacheFolder, 'latest');
  let watched: readonly string[] = [];
  let runs = 0;
  const run = async (changed: readonly string[]): Promise<readonly string[]> => {
    runs++;
    // The second run is the first with everything watched: no change is missed from here on.
    if (runs === 2) options.onWatching();
    if (runs === 2 || changed.length > 0) server.notifyNewPlan();
    try {
      watched = [results, ...placesToWatch(await open(), selectors)];
    } catch (error) {
      if (!(error instanceof TasksError)) throw error;
    }
    return watched;
  };
  try {
    const isIgnored = (file: string): boolean => isIgnoredPath(file, root) && !file.startsWith(results);
    await watchAndRun({ openWatcher: await watcherFor(host, isIgnored), run, clock: host.clock, signal });
  } finally {
    await server.close();
  }
}

async function renderLivePage(planned: PlannedProject, changedOnly: boolean, host: Host): Promise<string> {
  return await projectPage(planned, projectPicture(planned, changedOnly), host, { isLive: true });
}
