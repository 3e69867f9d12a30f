import type { RunEvent } from '../model/events.ts';
import type { Paint, Reporter, Write } from './reporter.ts';
import { failureBlock, makeStory } from './words.ts';

/** For GitHub Actions: each finished task's output in a group, failures as error annotations. */
export function githubReporter(write: Write, paint: Paint): Reporter {
  const output = new Map<string, string[]>();
  const story = makeStory(paint);
  const say = (line: string): void => write(`${line}\n`);
  const on = (event: RunEvent): void => {
    switch (event.type) {
      case 'run-started':
        say(story.begin(event));
        break;
      case 'task-started':
        output.set(event.id, []);
        break;
      case 'task-output':
        output.get(event.id)?.push(event.line);
        break;
      case 'task-finished': {
        const line = story.outcome(event);
        if (line === undefined) break;
        const lines = output.get(event.id) ?? [];
        say(lines.length > 0 ? `::group::${line}` : line);
        // `::` at a line's start would be taken for a command of the workflow.
        for (const text of lines) say(text.replace(/^::/, ' ::'));
        if (lines.length > 0) say('::endgroup::');
        if (event.outcome === 'failed' && event.error !== undefined) {
          say(
            `::error title=${escapeCommand(event.id)}::${escapeCommand([event.error.message, ...(event.error.step ? [event.error.step] : [])].join('\n'))}`,
          );
          for (const row of failureBlock({ ...event.error, lines: [] }, paint)) say(row);
        }
        output.delete(event.id);
        break;
      }
      case 'run-finished':
        for (const line of story.end(event)) say(line);
        break;
    }
  };
  return { listen: on, close: async () => undefined };
}

/** Escapes as workflow commands ask for (docs.github.com, "Workflow commands"). */
function escapeCommand(text: string): string {
  return text
    .replaceAll('%', '%25')
    .replaceAll('\r', '%0D')
    .replaceAll('\n', '%0A')
    .replaceAll(':', '%3A')
    .replaceAll(',', '%2C');
}
