import path from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { Watcher } from '../model/ports.ts';

export interface WatcherOptions {
  onChange(path: string): void;
  /** Told once of each kind of thing that cannot be watched; all else goes on. */
  onProblem(message: string): void;
  isIgnored(path: string): boolean;
}

/**
 * Watches files through the operating system. Links are not followed: who asks names what they lead to. What is asked for by its
 * name is never ignored.
 */
export function openWatcher({ onChange, onProblem, isIgnored }: WatcherOptions): Watcher {
  const watched = new Set<string>();
  const watchers: FSWatcher[] = [];
  const told = new Set<string>();
  const isLeftOut = (file: string): boolean =>
    isIgnored(file) &&
    ![...watched].some((asked) => isIgnored(asked) && (file === asked || file.startsWith(`${asked}/`)));
  const tellOnce = (text: string): void => {
    if (!told.has(text)) onProblem(text);
    told.add(text);
  };
  return {
    async watch(paths) {
      const added = paths.filter((each) => !watched.has(each));
      if (added.length === 0) return false;
      for (const each of added) watched.add(each);
      // One for each time: only a new one says when it is ready.
      const watcher = watch(added, {
        ignoreInitial: true,
        followSymlinks: false,
        ignorePermissionErrors: true,
        ignored: isLeftOut,
      });
      watchers.push(watcher);
      watcher.on('all', (_, file) => onChange(file));
      // A change of mode alone is no event of its own.
      watcher.on('raw', (_, name, details) => {
        const file = pathOf(name, details as { watchedPath?: string });
        if (!isLeftOut(file)) onChange(file);
      });
      watcher.on('error', (error) => tellOnce(describe(error as NodeJS.ErrnoException)));
      await new Promise<void>((resolve) => watcher.once('ready', resolve));
      return true;
    },
    async close() {
      await Promise.all(watchers.map((watcher) => watcher.close()));
    },
  };
}

/** `name` is that of a file in a watched folder, or of the watched file itself. */
function pathOf(name: string, { watchedPath }: { watchedPath?: string }): string {
  if (watchedPath === undefined || path.basename(watchedPath) === name) return watchedPath ?? name;
  return path.join(watchedPath, name);
}

function describe({ code, message }: NodeJS.ErrnoException): string {
  if (code !== 'ENOSPC' && code !== 'EMFILE') return message;
  return 'the system watches no more files, so not every change will be noticed; see `sysctl fs.inotify.max_user_watches`';
}
