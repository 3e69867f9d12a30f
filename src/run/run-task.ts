import { keepLastLines, type Output } from '../model/last-lines.ts';
import type { Progress } from '../model/ports.ts';
import type { TaskRecord } from '../model/record.ts';
import { executeStep } from './execute-step.ts';
import { withRetries } from './retry.ts';
import { redactProgress } from './secrets.ts';
import type { Log } from './services.ts';
import type { StepInput } from './step-input.ts';
import { causeOf, programOutput } from './task-failure.ts';

/** How a task ended. `output`: its last lines. `log`: the path of its log, if there is one. */
export type TaskEnd =
  | { readonly result: 'done'; readonly outcome: 'built' | 'pulled' | 'reused'; readonly record: TaskRecord }
  | {
      readonly result: 'failed';
      readonly error: unknown;
      readonly output: Output;
      readonly log: string | undefined;
    };

/** Runs one task, writes its log, and repeats it after network failures if its definition says so. */
export async function runTask(input: StepInput, redact: (text: string) => string): Promise<TaskEnd> {
  const { step, services, signal } = input;
  let log: Log | undefined;
  const lastLines = keepLastLines();
  const progress: Progress = redactProgress(
    {
      step: input.progress.step,
      line: (line, stream) => {
        log?.line(line);
        lastLines.add(line, stream);
        input.progress.line(line, stream);
      },
    },
    redact,
  );
  try {
    log = services.logs.open(step.task.id);
    const ended = await withRetries(() => executeStep({ ...input, progress }), {
      retries: step.task.retries,
      clock: services.clock,
      signal,
      shouldRetry: (error) => causeOf(error, programOutput(step, lastLines.read())) === 'network',
      onRetry: (text) => {
        progress.line(text);
        progress.step({ text });
        lastLines.clear();
      },
    });
    return { result: 'done', ...ended };
  } catch (error) {
    return { result: 'failed', error, output: lastLines.read(), log: log?.path };
  } finally {
    log?.close();
  }
}
