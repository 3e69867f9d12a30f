import type { RunEvent } from '../model/events.ts';
import type { Paint, Reporter, Write } from './reporter.ts';
import { failureLines, makeRunText } from './run-text.ts';

export interface PlainOptions {
  /** True: all output of all tasks; else only that of failures. */
  readonly verbose: boolean;
  /** True: each line begins with its time of day in UTC. */
  readonly timestamps: boolean;
}

/** A line at start and end of each task. */
export function plainReporter(write: Write, paint: Paint, { verbose, timestamps }: PlainOptions): Reporter {
  const story = makeRunText(paint);
  let stamp = '';
  const say = (line: string): void => write(`${stamp}${line}\n`);
  const on = (event: RunEvent): void => {
    if (timestamps) stamp = paint.dim(`${event.time.slice(11, 19)} `);
    switch (event.type) {
      case 'phase-started':
        say(story.phaseStarted(event));
        break;
      case 'task-started':
        say(`${paint.dim('▸')} ${story.padId(event.id)}  ${event.action}`);
        break;
      case 'task-output':
        if (verbose) say(`  ${paint.dim(`${event.id} │`)} ${event.line}`);
        break;
      case 'task-finished': {
        const line = story.taskFinished(event);
        if (line !== undefined) say(line);
        if (event.outcome === 'failed' && event.error !== undefined)
          for (const row of failureLines(event.error, paint)) say(row);
        break;
      }
      case 'phase-finished':
        for (const line of story.phaseFinished(event)) say(line);
        break;
    }
  };
  return { onEvent: on, close: async () => undefined };
}
