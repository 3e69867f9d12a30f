import path from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { Watcher } from '../model/ports.ts';

export interface WatcherOptions {
  onChange(path: string): void;
  /** Called once for each distinct problem. Watching continues. */
  onProblem(message: string): void;
  isIgnored(path: string): boolean;
}

/**
 * Opens a watcher for file changes. Does not follow symlinks: pass their targets to `watch`, too. Paths that are passed to
 * `watch` are never ignored.
 */
export function openWatcher({ onChange, onProblem, isIgnored }: WatcherOptions): Watcher {
  const watched = new Set<string>();
  const watchers: FSWatcher[] = [];
  const reported = new Set<string>();
  const isExcluded = (file: string): boolean =>
    isIgnored(file) &&
    ![...watched].some((named) => isIgnored(named) && (file === named || file.startsWith(`${named}/`)));
  const reportOnce = (text: string): void => {
    if (!reported.has(text)) onProblem(text);
    reported.add(text);
  };
  return {
    async watch(paths) {
      const added = paths.filter((name) => !watched.has(name));
      if (added.length === 0) return false;
      for (const name of added) watched.add(name);
      // A new FSWatcher for each call: chokidar emits `ready` only once.
      const watcher = watch(added, {
        ignoreInitial: true,
        followSymlinks: false,
        ignorePermissionErrors: true,
        ignored: isExcluded,
      });
      watchers.push(watcher);
      watcher.on('all', (_, file) => onChange(file));
      // chokidar has no event for a change of mode.
      watcher.on('raw', (_, name, details) => {
        const file = pathOf(name, details as { watchedPath?: string });
        if (!isExcluded(file)) onChange(file);
      });
      watcher.on('error', (error) => reportOnce(describe(error as NodeJS.ErrnoException)));
      await new Promise<void>((resolve) => watcher.once('ready', resolve));
      return true;
    },
    async close() {
      await Promise.all(watchers.map((watcher) => watcher.close()));
    },
  };
}

/** Returns the path of a raw event. `name` is the name of a file in the watched folder, or of the watched file itself. */
function pathOf(name: string, { watchedPath }: { watchedPath?: string }): string {
  if (watchedPath === undefined || path.basename(watchedPath) === name) return watchedPath ?? name;
  return path.join(watchedPath, name);
}

function describe({ code, message }: NodeJS.ErrnoException): string {
  if (code !== 'ENOSPC' && code !== 'EMFILE') return message;
  return 'the system cannot watch more files, so some changes will be missed; see the limits with `sysctl fs.inotify`';
}
