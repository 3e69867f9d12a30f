import { TasksError } from '../model/errors.ts';
import type { TaskFailure } from '../model/events.ts';
import { StepFailed } from '../model/ports.ts';
import type { Task } from '../model/task.ts';

/** Returns what the error of a task says. `lines` are those of the failing step, none if it wrote none; left out if not known. */
export function describeFailure(error: unknown, task: Task, redact: (text: string) => string): TaskFailure {
  const text = error instanceof Error ? error.message : String(error);
  const hint = error instanceof TasksError && error.hint !== undefined ? `\n${error.hint}` : '';
  const message = redact(text + hint);
  if (!(error instanceof StepFailed)) return { message };
  const { step, lines, exitCode, output } = error.facts;
  return {
    message,
    ...(step === undefined ? {} : { step: redact(step) }),
    ...(task.kind === 'image' && lines !== undefined ? { file: task.dockerfile, ...lines } : {}),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(output === undefined ? {} : { lines: output.map(redact) }),
  };
}
