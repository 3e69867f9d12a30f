import { type FailedTask, failureBlocks, failureOf, type Reader } from './failures.ts';
import type { Paint, Reporter, Write } from './reporter.ts';

/** Returns a reporter that prints nothing but why tasks failed, at the end of a phase. */
export function quietReporter(write: Write, paint: Paint, reader: Reader): Reporter {
  const failures: FailedTask[] = [];
  return {
    onEvent(event) {
      const failure = event.type === 'task-finished' ? failureOf(event) : undefined;
      if (failure !== undefined) failures.push(failure);
      if (event.type === 'phase-finished')
        for (const line of failureBlocks(failures.splice(0), paint, reader)) write(`${line}\n`);
    },
    close: async () => undefined,
  };
}
