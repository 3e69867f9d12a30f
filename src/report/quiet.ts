import { type FailedTask, failureBlocks } from './failures.ts';
import type { Paint, Reporter, Write } from './reporter.ts';

/** Returns a reporter that prints nothing but why tasks failed, at the end of a phase. `folder`: paths of logs are relative to it. */
export function quietReporter(write: Write, paint: Paint, folder: string): Reporter {
  const failures: FailedTask[] = [];
  return {
    onEvent(event) {
      if (event.type === 'task-finished' && event.outcome === 'failed' && event.error !== undefined)
        failures.push({ id: event.id, error: event.error });
      if (event.type === 'phase-finished')
        for (const line of failureBlocks(failures.splice(0), paint, folder)) write(`${line}\n`);
    },
    close: async () => undefined,
  };
}
