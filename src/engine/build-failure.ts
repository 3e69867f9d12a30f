import { EngineLost } from '../buildkit/engine-lost.ts';
import { SolveFailed } from '../buildkit/solve-failed.ts';
import { TransferError } from '../buildkit/transfer-error.ts';
import { FileProblem } from '../disk/verified-file.ts';
import { TasksError } from '../model/errors.ts';
import { type BuildDockerfile, type LineRange, StepFailed } from '../model/ports.ts';
import type { BuildReport } from './build-report.ts';
import { explainUnreachable } from './buildkit-problem.ts';

/** Returns the error of the engine port for an error of BuildKit's client. `address` is the engine's, for messages. */
export function portErrorOf(
  error: unknown,
  dockerfile: BuildDockerfile,
  report: BuildReport,
  address: string,
): unknown {
  if (error instanceof SolveFailed) {
    const { step, exitCode } = error;
    return new StepFailed(error.message, {
      step: step?.name,
      lines: linesOf(error, dockerfile),
      exitCode,
      ...(step === undefined ? {} : { output: report.lastLinesOf(step) }),
    });
  }
  if (error instanceof FileProblem || error instanceof TransferError) return new StepFailed(error.message);
  return engineErrorOf(error, address);
}

/** Returns the error of the engine port for a lost engine. Other errors are returned unchanged. */
export function engineErrorOf(error: unknown, address: string): unknown {
  return error instanceof EngineLost ? lossError(error, address) : error;
}

function lossError(error: EngineLost, address: string): TasksError {
  switch (error.reason) {
    case 'unreachable': {
      const { message, hint } = explainUnreachable(error);
      const text = `cannot connect to BuildKit in the docker engine at ${address}: ${message}`;
      return new TasksError(3, text, { hint, cause: error });
    }
    case 'silent':
      return new TasksError(3, `the docker engine at ${address} is not responding: ${error.message}`, {
        hint: 'run `tasks doctor` to check the engine; restart it if it hangs',
        cause: error,
      });
    default:
      return new TasksError(3, `lost the connection to the docker engine at ${address}: ${error.message}`, {
        hint: 'run `tasks doctor` to check the engine; it may have been stopped or restarted',
        cause: error,
      });
  }
}

/** The engine's own answer is second: docker 20.10 has none, and docker 26 ends it at the first line. */
function linesOf({ sources, step }: SolveFailed, dockerfile: BuildDockerfile): LineRange | undefined {
  const known = step?.instruction && dockerfile.linesOf(step.instruction);
  const source = sources.find(({ file }) => file === dockerfile.name);
  return known ?? (source && { line: source.firstLine, endLine: source.lastLine });
}
