import type { FailureCause } from '../model/events.ts';

/** What to do about a failure whose cause is known. Nothing where the message itself says what is wrong. */
const advice: Partial<Readonly<Record<FailureCause, string>>> = {
  network:
    'check the network and its proxy, and run the command again; `retries` in the definition does that by itself',
  registry: 'check the name and the tag of the image',
  credentials: 'run `docker login` for that registry',
  'disk-full': 'free space: `docker builder prune`, `docker image prune`, `tasks clean`',
  'out-of-memory': 'give the engine more memory, or build fewer images at a time (`--jobs 1`)',
  'missing-file': 'check the path, the context of the definition, and .dockerignore',
  'not-executable':
    'check that the program is there, may be executed, and that its interpreter (its first line) is there, too',
  timeout: 'find out what hangs in the log, or raise `timeout` in the definition',
  lost: 'run `tasks doctor` to check the engine',
};

/** Returns what to do about a failure; undefined if there is nothing to say. */
export function adviceFor(cause: FailureCause | undefined): string | undefined {
  return cause === undefined ? undefined : advice[cause];
}
