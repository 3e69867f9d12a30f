import type { RunEvent } from '../model/events.ts';
import type { Paint, Reporter, Write } from './reporter.ts';
import { failureLines, makeRunText } from './run-text.ts';

/**
 * Returns a reporter for GitHub Actions: it groups the output of each finished task and reports failures as error
 * annotations. `write` gets plain text and must make sure that GitHub finds no command in it; `writeCommand` gets workflow
 * commands.
 */
export function githubReporter(write: Write, writeCommand: Write, paint: Paint): Reporter {
  const output = new Map<string, string[]>();
  const runText = makeRunText(paint);
  const writeLine = (line: string): void => write(`${line}\n`);
  const runCommand = (name: string, parameters: string, text: string): void =>
    writeCommand(`::${name}${parameters}::${escapeCommand(text)}\n`);
  const onEvent = (event: RunEvent): void => {
    switch (event.type) {
      case 'phase-started':
        writeLine(runText.phaseStarted(event));
        break;
      case 'task-started':
        output.set(event.id, []);
        break;
      case 'task-output':
        output.get(event.id)?.push(event.line);
        break;
      case 'task-finished': {
        const line = runText.taskFinished(event);
        if (line === undefined) break;
        const lines = output.get(event.id) ?? [];
        if (lines.length === 0) writeLine(line);
        else {
          runCommand('group', '', line);
          for (const text of lines) writeLine(text);
          runCommand('endgroup', '', '');
        }
        if (event.outcome === 'failed' && event.error !== undefined) {
          const { message, step } = event.error;
          runCommand(
            'error',
            ` title=${escapeProperty(event.id)}`,
            step === undefined ? message : `${message}\n${step}`,
          );
          for (const row of failureLines({ ...event.error, lines: [] }, paint)) writeLine(row);
        }
        output.delete(event.id);
        break;
      }
      case 'phase-finished':
        for (const line of runText.phaseFinished(event)) writeLine(line);
        break;
    }
  };
  return { onEvent, close: async () => undefined };
}

/** Escapes the text of a workflow command (`escapeData` in actions/toolkit, packages/core/src/command.ts). */
function escapeCommand(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** Escapes a property of a workflow command (`escapeProperty` in the same file). */
function escapeProperty(text: string): string {
  return escapeCommand(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
