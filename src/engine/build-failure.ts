import { EngineLost } from '../buildkit/engine-lost.ts';
import { SolveFailed } from '../buildkit/solve-failed.ts';
import type { BuildStep } from '../buildkit/steps.ts';
import { TransferError } from '../buildkit/transfer-error.ts';
import { FileProblem } from '../disk/verified-file.ts';
import { EngineUnavailable } from '../model/errors.ts';
import { failureCause, missingPathIn } from '../model/failure-cause.ts';
import { type BuildDockerfile, type LineRange, type StepFacts, StepFailed } from '../model/ports.ts';
import type { BuildReport } from './build-report.ts';
import { explainUnreachable } from './buildkit-problem.ts';
import { plainMessage, unwrapMessage } from './plain-message.ts';

/** How an engine is called in messages. */
export interface EngineName {
  /** For example `the docker engine at unix:///var/run/docker.sock`. */
  readonly full: string;
  /** The same, of its BuildKit. */
  readonly buildkit: string;
  /** How it is checked: `tasks doctor` to check the engine. */
  readonly check: string;
}

/** Returns the error of the engine port for an error of BuildKit's client. */
export function portErrorOf(
  error: unknown,
  dockerfile: BuildDockerfile,
  report: BuildReport,
  name: EngineName,
): unknown {
  if (error instanceof SolveFailed)
    return new StepFailed(plainMessage(error.message), factsOf(error, dockerfile, report));
  if (error instanceof FileProblem || error instanceof TransferError) return new StepFailed(error.message);
  return engineErrorOf(error, name);
}

/** Returns the error of the engine port for a lost engine. Other errors are returned unchanged. */
export function engineErrorOf(error: unknown, name: EngineName): unknown {
  return error instanceof EngineLost ? lossError(error, name) : error;
}

function factsOf(error: SolveFailed, dockerfile: BuildDockerfile, report: BuildReport): StepFacts {
  const { step, exitCode, code, message, sources } = error;
  const lines = linesOf(error, dockerfile);
  const said = unwrapMessage(message);
  const output = step && report.lastLinesOf(step);
  const missingPath = readsContext(step) ? missingPathIn(said, step?.name) : undefined;
  const cause = failureCause({
    said,
    ...(step === undefined ? {} : { step: step.name }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(code === undefined ? {} : { grpcCode: code }),
    ...(output === undefined ? {} : { output: output.lines }),
    inDockerfile: step === undefined && (sources.length > 0 || noDefinition.test(message)),
  });
  const excerpt = lines && linesIn(dockerfile, lines);
  const instruction = step?.instruction?.text ?? excerpt?.[0];
  return {
    ...(cause === undefined ? {} : { cause }),
    step: step?.name,
    instruction: instruction === undefined ? undefined : keywordOf(instruction),
    lines,
    excerpt,
    exitCode,
    ...(output === undefined ? {} : { output }),
    ...(missingPath === undefined ? {} : { missingPath }),
  };
}

/** How docker 20.10 begins its errors about the Dockerfile, for which it says no place. */
const noDefinition = /^failed to create LLB definition: (?!target stage )/;

/** Whether what a step copies or mounts comes from the build context. */
function readsContext(step: BuildStep | undefined): boolean {
  return step?.instruction !== undefined && !/^\S+ .*\bfrom=/i.test(step.instruction.text);
}

/** How many lines of an instruction are shown. */
const maxExcerpt = 6;

function linesIn({ text }: BuildDockerfile, { line, endLine }: LineRange): readonly string[] {
  const all = Buffer.from(text).toString('utf8').split(/\r?\n/);
  return all.slice(line - 1, Math.min(endLine, line - 1 + maxExcerpt));
}

function keywordOf(instruction: string): string | undefined {
  return /^\s*([a-z]+)/i.exec(instruction)?.[1]?.toUpperCase();
}

function lossError(error: EngineLost, { full, buildkit, check }: EngineName): EngineUnavailable {
  switch (error.reason) {
    case 'unreachable': {
      const { message, hint } = explainUnreachable(error, check);
      return new EngineUnavailable(`cannot connect to ${buildkit}: ${message}`, { hint, cause: error });
    }
    case 'silent':
      return new EngineUnavailable(`${full} is not responding: ${error.message}`, {
        hint: `run ${check}; restart it if it hangs`,
        cause: error,
      });
    default:
      return new EngineUnavailable(`lost the connection to ${full}: ${error.message}`, {
        hint: `run ${check}; it may have been stopped or restarted`,
        cause: error,
      });
  }
}

/** Docker 20.10 says no place, and docker 26 ends it at the first line. */
function linesOf(
  { sources, step, message }: SolveFailed,
  dockerfile: BuildDockerfile,
): LineRange | undefined {
  const known = step?.instruction && dockerfile.linesOf(step.instruction);
  const source = sources.find(({ file }) => file === dockerfile.name);
  // The engine knows where the instruction begins; we know where it ends.
  if (source !== undefined && known?.line !== source.firstLine)
    return { line: source.firstLine, endLine: source.lastLine };
  if (known !== undefined) return known;
  const line = Number(/\bdockerfile parse error line (\d+): /.exec(message)?.[1]);
  return line > 0 ? { line, endLine: line } : undefined;
}
