import type { RunEvent } from '../model/events.ts';
import type { Clock } from '../model/ports.ts';
import { type FailedTask, failureBlocks, failureOf, type Reader } from './failures.ts';
import { startHeartbeat } from './heartbeat.ts';
import type { Paint, Reporter, Write } from './reporter.ts';
import { makeRunText } from './run-text.ts';

/** What a CI service offers for logs. Titles are plain text. */
export interface CiMarks {
  /** Begins a group of lines, which is closed at first unless `isOpen`. Returns false if there can be no such group. */
  openGroup(title: string, isOpen: boolean): boolean;
  closeGroup(): void;
  /** Marks the place of a failure, where a service shows that beside the code. */
  annotate?(failure: FailedTask): void;
}

export interface GroupedOptions {
  readonly paint: Paint;
  readonly reader: Reader;
  readonly clock: Clock;
}

/**
 * Returns a reporter for CI services: it groups the output of each finished task. The output of a failed task is open. Of a task that
 * runs longer, a line a minute says so. `write` gets plain text and must make sure that the service finds no command in it.
 */
export function groupedReporter(
  write: Write,
  marks: CiMarks,
  { paint, reader, clock }: GroupedOptions,
): Reporter {
  const output = new Map<string, string[]>();
  const failures: FailedTask[] = [];
  const runText = makeRunText(paint);
  const writeLines = (lines: readonly string[]): void => {
    for (const line of lines) write(`${line}\n`);
  };
  const finish = (event: Extract<RunEvent, { type: 'task-finished' }>): void => {
    const line = runText.taskFinished(event);
    const lines = output.get(event.id) ?? [];
    output.delete(event.id);
    if (line === undefined) return;
    const isFailed = event.outcome === 'failed';
    const isGrouped = lines.length > 0 && marks.openGroup(line, isFailed);
    if (!isGrouped) writeLines([line]);
    writeLines(lines);
    if (isGrouped) marks.closeGroup();
    const failure = failureOf(event);
    if (failure !== undefined) {
      failures.push(failure);
      marks.annotate?.(failure);
    }
  };
  const heartbeat = startHeartbeat(clock, (id, text) =>
    writeLines([`${paint.dim('▸')} ${runText.padId(id)}  ${paint.dim(text)}`]),
  );
  const onEvent = (event: RunEvent): void => {
    heartbeat.apply(event);
    switch (event.type) {
      case 'phase-started':
        writeLines([runText.phaseStarted(event)]);
        break;
      case 'task-started':
        // A task whose node was lost starts again: what it printed before may say why.
        if (!output.has(event.id)) output.set(event.id, []);
        break;
      case 'task-output':
        output.get(event.id)?.push(event.line);
        break;
      case 'task-finished':
        finish(event);
        break;
      case 'phase-finished':
        writeLines(failureBlocks(failures.splice(0), paint, reader));
        writeLines(runText.phaseFinished(event));
        break;
    }
  };
  return { onEvent, close: async () => heartbeat.stop() };
}
