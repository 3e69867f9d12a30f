import { EngineUnavailable, TasksError } from '../model/errors.ts';
import type { FailureCause, TaskFailure } from '../model/events.ts';
import { type CauseFacts, failureCause } from '../model/failure-cause.ts';
import type { Output } from '../model/last-lines.ts';
import { type BuildBlock, describeBlock, type Observations } from '../model/observed.ts';
import type { Step } from '../model/plan.ts';
import { StepFailed } from '../model/ports.ts';
import { RegistryError } from '../model/registry.ts';
import type { Task } from '../model/task.ts';
import { StepTimeout } from './timeout.ts';

/**
 * Returns what the error of a task says. `lines` are those of the failing step, none if it wrote none; left out if not known.
 * `programOutput`: the last lines of the task's own program, if it ran one.
 */
export function describeFailure(
  error: unknown,
  task: Task,
  redact: (text: string) => string,
  programOutput?: readonly string[],
): TaskFailure {
  const text = error instanceof Error ? error.message : String(error);
  const hint = error instanceof TasksError && error.hint !== undefined ? `\n${error.hint}` : '';
  const cause = causeOf(error, programOutput);
  const failure = { message: redact(text + hint), ...(cause === undefined ? {} : { cause }) };
  if (!(error instanceof StepFailed)) return failure;
  const { step, instruction, lines, excerpt, exitCode, output } = error.facts;
  return {
    ...failure,
    ...(step === undefined ? {} : { step: redact(step) }),
    ...(instruction === undefined ? {} : { instruction }),
    ...(task.kind === 'image' && task.dockerfileText === undefined && lines !== undefined
      ? { file: task.dockerfile, ...lines }
      : {}),
    ...(excerpt === undefined ? {} : { excerpt: excerpt.map(redact) }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(output === undefined ? {} : { lines: output.lines.map(redact) }),
    ...(output?.stderr === undefined ? {} : { stderr: output.stderr.map(redact) }),
  };
}

/** Returns why a task is blocked from the start. */
export function blockedFailure({ task, reasons }: Step, observations: Observations): TaskFailure {
  const observed = observations.get(task.id);
  const blocks = observed?.kind === 'image' || observed?.kind === 'command' ? observed.blocks : undefined;
  if (blocks === undefined) return { message: reasons[0]?.detail ?? 'blocked' };
  const [{ code, message, hint, place }, ...others] = blocks as [BuildBlock, ...BuildBlock[]];
  return {
    message: [message, ...(hint === undefined ? [] : [hint]), ...others.map(describeBlock)].join('\n'),
    cause: code,
    ...(place === undefined ? {} : { file: place.file, line: place.line, excerpt: [place.text] }),
  };
}

/** Returns the cause of a failure, as far as it is known. `programOutput`: the last lines of the task's own program. */
export function causeOf(error: unknown, programOutput?: readonly string[]): FailureCause | undefined {
  if (error instanceof StepTimeout) return failureCause({ timedOut: true });
  if (!(error instanceof StepFailed)) return failureCause(causeFacts(error));
  const { cause, exitCode } = error.facts;
  return (
    cause ??
    failureCause({
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(programOutput === undefined ? {} : { output: programOutput }),
    })
  );
}

/** Returns the lines of a command. What the engine writes about an image was not written by a program of the user. */
export function programOutput({ action }: Step, output: Output | undefined): readonly string[] | undefined {
  return action === 'run' ? output?.lines : undefined;
}

function causeFacts(error: unknown): CauseFacts {
  if (error instanceof RegistryError) return { registry: error.problem };
  if (error instanceof EngineUnavailable) return { lost: true };
  const errno = systemErrors(error).find(({ code }) => code !== undefined)?.code;
  return errno === undefined ? {} : { errno };
}

/** Returns an error and the errors that it was caused by. */
function systemErrors(error: unknown): NodeJS.ErrnoException[] {
  return error instanceof Error ? [error, ...systemErrors(error.cause)] : [];
}
