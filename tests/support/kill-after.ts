import type { ChildProcess } from 'node:child_process';

/**
 * Calls `kill` at a moment of a `build --json`: so many milliseconds after so many tasks were finished, or after the start.
 * Counted in tasks, since a busy machine is at another place after the same time. The result takes it back.
 */
export function killAfter(
  child: ChildProcess,
  { finished, ms }: { finished: number; ms: number },
  kill: () => void,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let out = '';
  const look = (data: string | Buffer): void => {
    out += data;
    if (timer === undefined && countFinished(out) >= finished) timer = setTimeout(kill, ms);
  };
  child.stdout!.on('data', look);
  look('');
  return () => {
    child.stdout!.off('data', look);
    clearTimeout(timer);
  };
}

/** How many tasks a `build --json` told to be made or reused. */
export function countFinished(out: string): number {
  return out.match(/"outcome":"(built|reused)"/g)?.length ?? 0;
}
