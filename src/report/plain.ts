import type { RunEvent } from '../model/events.ts';
import type { Paint, Reporter, Write } from './reporter.ts';
import { failureBlock, headline, outcomeLine, summary } from './words.ts';

/** A line at start and end of each task; output only of failures, or of everything where `verbose`. */
export function plainReporter(write: Write, paint: Paint, verbose: boolean): Reporter {
  const expected = new Map<string, number>();
  let saved = 0;
  let width = 0;
  const say = (line: string): void => write(`${line}\n`);
  const on = (event: RunEvent): void => {
    switch (event.type) {
      case 'run-started':
        for (const task of event.tasks) expected.set(task.id, task.expectedMs ?? 0);
        width = Math.max(
          0,
          ...event.tasks
            .filter((task) => task.action !== 'reuse' && task.action !== 'skip')
            .map((task) => task.id.length),
        );
        say(headline(event, paint));
        break;
      case 'task-started':
        say(`${paint.dim('▸')} ${event.id.padEnd(width)}  ${event.action}`);
        break;
      case 'task-output':
        if (verbose) say(`  ${paint.dim(`${event.id} │`)} ${event.line}`);
        break;
      case 'task-finished': {
        if (event.outcome === 'reused') saved += expected.get(event.id) ?? 0;
        const line = outcomeLine(event, paint, width);
        if (line !== undefined) say(line);
        if (event.outcome === 'failed' && event.error !== undefined)
          for (const row of failureBlock(event.error, paint)) say(row);
        break;
      }
      case 'run-finished':
        say(summary(event.counts, event.ms, event.ok, saved, paint));
        break;
    }
  };
  return { listen: on, close: async () => undefined };
}
