import type { RunEvent } from '../model/events.ts';
import type { Clock } from '../model/ports.ts';
import { type FailedTask, failureBlocks, failureOf, type Reader } from './failures.ts';
import { startHeartbeat } from './heartbeat.ts';
import type { Paint, Reporter, Write } from './reporter.ts';
import { makeRunText } from './run-text.ts';

export interface PlainOptions {
  /** True to print the output of every task; false to print only that of failed tasks. */
  readonly verbose: boolean;
  /** True to begin each line with the time of day in UTC. */
  readonly timestamps: boolean;
  readonly reader: Reader;
  readonly clock: Clock;
}

/**
 * Returns a reporter that prints a line when a task starts and when it finishes, each minute in between that has no line, and at
 * the end why tasks failed.
 */
export function plainReporter(
  write: Write,
  paint: Paint,
  { verbose, timestamps, reader, clock }: PlainOptions,
): Reporter {
  const runText = makeRunText(paint);
  const failures: FailedTask[] = [];
  let stamp = '';
  const writeLine = (line: string): void => write(`${stamp}${line}\n`);
  const setTime = (time: string): void => {
    if (timestamps) stamp = paint.dim(`${time.slice(11, 19)} `);
  };
  const heartbeat = startHeartbeat(clock, (id, text, now) => {
    setTime(now.toISOString());
    writeLine(`${paint.dim('▸')} ${runText.padId(id)}  ${paint.dim(text)}`);
  });
  const onEvent = (event: RunEvent): void => {
    setTime(event.time);
    heartbeat.apply(event);
    switch (event.type) {
      case 'phase-started':
        writeLine(runText.phaseStarted(event));
        break;
      case 'task-started':
        writeLine(`${paint.dim('▸')} ${runText.padId(event.id)}  ${runText.taskStarted(event)}`);
        break;
      case 'task-output':
        if (!verbose) break;
        writeLine(`  ${paint.dim(`${event.id} │`)} ${event.line}`);
        heartbeat.printed(event.id);
        break;
      case 'task-finished': {
        const line = runText.taskFinished(event);
        if (line !== undefined) writeLine(line);
        const failure = failureOf(event);
        if (failure !== undefined) failures.push(failure);
        break;
      }
      case 'phase-finished':
        for (const line of failureBlocks(failures.splice(0), paint, reader)) writeLine(line);
        for (const line of runText.phaseFinished(event)) writeLine(line);
        break;
    }
  };
  return { onEvent, close: async () => heartbeat.stop() };
}
