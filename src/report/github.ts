import type { RunEvent } from '../model/events.ts';
import type { Paint, Reporter, Write } from './reporter.ts';
import { failureLines, makeRunText } from './run-text.ts';

/**
 * For GitHub Actions: each finished task's output in a group, failures as error annotations. `write` gets text in which
 * GitHub must find no command (io.err sees to that), `command` gets the commands.
 */
export function githubReporter(write: Write, command: Write, paint: Paint): Reporter {
  const output = new Map<string, string[]>();
  const story = makeRunText(paint);
  const say = (line: string): void => write(`${line}\n`);
  const run = (name: string, parameters: string, text: string): void =>
    command(`::${name}${parameters}::${escapeCommand(text)}\n`);
  const on = (event: RunEvent): void => {
    switch (event.type) {
      case 'phase-started':
        say(story.phaseStarted(event));
        break;
      case 'task-started':
        output.set(event.id, []);
        break;
      case 'task-output':
        output.get(event.id)?.push(event.line);
        break;
      case 'task-finished': {
        const line = story.taskFinished(event);
        if (line === undefined) break;
        const lines = output.get(event.id) ?? [];
        if (lines.length === 0) say(line);
        else {
          run('group', '', line);
          for (const text of lines) say(text);
          run('endgroup', '', '');
        }
        if (event.outcome === 'failed' && event.error !== undefined) {
          const { message, step } = event.error;
          run(
            'error',
            ` title=${escapeProperty(event.id)}`,
            step === undefined ? message : `${message}\n${step}`,
          );
          for (const row of failureLines({ ...event.error, lines: [] }, paint)) say(row);
        }
        output.delete(event.id);
        break;
      }
      case 'phase-finished':
        for (const line of story.phaseFinished(event)) say(line);
        break;
    }
  };
  return { onEvent: on, close: async () => undefined };
}

/** Escapes the text of a workflow command (actions/toolkit, packages/core/src/command.ts, escapeData). */
function escapeCommand(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** Escapes a property of a workflow command (escapeProperty, as above). */
function escapeProperty(text: string): string {
  return escapeCommand(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
