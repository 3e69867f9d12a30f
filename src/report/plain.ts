import type { RunEvent } from '../model/events.ts';
import type { Paint, Reporter, Write } from './reporter.ts';
import { failureBlock, makeStory } from './words.ts';

export interface PlainOptions {
  /** True: all output of all tasks; else only that of failures. */
  readonly verbose: boolean;
  /** True: each line begins with its time of day in UTC. */
  readonly stamped: boolean;
}

/** A line at start and end of each task. */
export function plainReporter(write: Write, paint: Paint, { verbose, stamped }: PlainOptions): Reporter {
  const story = makeStory(paint);
  let stamp = '';
  const say = (line: string): void => write(`${stamp}${line}\n`);
  const on = (event: RunEvent): void => {
    if (stamped) stamp = paint.dim(`${event.time.slice(11, 19)} `);
    switch (event.type) {
      case 'phase-started':
        say(story.begin(event));
        break;
      case 'task-started':
        say(`${paint.dim('▸')} ${story.name(event.id)}  ${event.action}`);
        break;
      case 'task-output':
        if (verbose) say(`  ${paint.dim(`${event.id} │`)} ${event.line}`);
        break;
      case 'task-finished': {
        const line = story.outcome(event);
        if (line !== undefined) say(line);
        if (event.outcome === 'failed' && event.error !== undefined)
          for (const row of failureBlock(event.error, paint)) say(row);
        break;
      }
      case 'phase-finished':
        for (const line of story.end(event)) say(line);
        break;
    }
  };
  return { listen: on, close: async () => undefined };
}
