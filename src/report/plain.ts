import type { RunEvent } from '../model/events.ts';
import type { Paint, Reporter, Write } from './reporter.ts';
import { failureBlock, makeStory } from './words.ts';

/** A line at start and end of each task; output only of failures, or of everything where `verbose`. */
export function plainReporter(write: Write, paint: Paint, verbose: boolean): Reporter {
  const story = makeStory(paint);
  const say = (line: string): void => write(`${line}\n`);
  const on = (event: RunEvent): void => {
    switch (event.type) {
      case 'run-started':
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
      case 'run-finished':
        say(story.end(event));
        break;
    }
  };
  return { listen: on, close: async () => undefined };
}
