import type { ChildProcess } from 'node:child_process';

/**
 * Calls `kill` at a moment of `build --json`: `ms` milliseconds after `finished` tasks have finished, or after the start. Counting
 * tasks gives the same moment on a busy machine. Returns a function that cancels the call.
 */
export function killAfter(
  child: ChildProcess,
  { finished, ms }: { finished: number; ms: number },
  kill: () => void,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let out = '';
  const onData = (data: string | Buffer): void => {
    out += data;
    if (timer === undefined && countFinished(out) >= finished) timer = setTimeout(kill, ms);
  };
  child.stdout!.on('data', onData);
  onData('');
  return () => {
    child.stdout!.off('data', onData);
    clearTimeout(timer);
  };
}

/** Counts the tasks that the output of `build --json` reports as built or reused. */
export function countFinished(out: string): number {
  return out.match(/"outcome":"(built|reused)"/g)?.length ?? 0;
}
