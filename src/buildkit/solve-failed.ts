import type { GrpcError } from './grpc/status.ts';
import type { BuildStep } from './steps.ts';

/** A part of a file that an error is about. Lines are counted from 1. */
export interface SourceRange {
  readonly file: string;
  readonly firstLine: number;
  readonly lastLine: number;
}

export interface FailureFacts {
  /** The step that failed, if it was one. */
  readonly step?: BuildStep | undefined;
  /** Where in the Dockerfile; empty if the engine does not say (docker 20.10 never does). */
  readonly sources: readonly SourceRange[];
  /** The exit code of RUN. */
  readonly exitCode?: number | undefined;
  /** The status of the gRPC call. Undefined if its answer never came. */
  readonly code?: number | undefined;
}

/** A build that failed. The message is BuildKit's. */
export class SolveFailed extends Error {
  override readonly name = 'SolveFailed';
  readonly step: BuildStep | undefined;
  readonly sources: readonly SourceRange[];
  readonly exitCode: number | undefined;
  readonly code: number | undefined;

  constructor(message: string, { step, sources, exitCode, code }: FailureFacts, cause?: unknown) {
    super(message, { cause });
    this.step = step;
    this.sources = sources;
    this.exitCode = exitCode;
    this.code = code;
  }
}

/** Returns the failure that an error of Control/Solve stands for. */
export function failureOf(error: GrpcError, steps: readonly BuildStep[]): SolveFailed {
  const message = withoutPrefixes(error.message) || 'the build failed';
  const [vertex] = detailsIn<{ readonly digest?: string }>(error, /errdefs\.Vertex\b/);
  const step =
    steps.find(({ digest }) => digest === vertex?.digest) ??
    steps.find(({ state, error: own }) => state === 'failed' && message.endsWith(withoutPrefixes(own ?? '')));
  const exitCode = exitCodeIn(error) ?? exitCodeInText(message);
  return new SolveFailed(message, { step, sources: sourcesIn(error), exitCode, code: error.code }, error);
}

/** Returns the failure of a build whose answer never came. */
export function failureWithoutAnswer(steps: readonly BuildStep[]): SolveFailed {
  const step = failedStep(steps);
  const message =
    step?.error === undefined
      ? 'the build failed, but the error of the engine was too long to receive'
      : withoutPrefixes(step.error);
  return new SolveFailed(message, { step, sources: [], exitCode: exitCodeInText(message) });
}

/** Steps whose failure fails no build: a cache may not exist yet (moby/buildkit solver/llbsolver, cache/remotecache). */
const cacheTransfer = /^(?:importing cache manifest from |exporting cache\b)/;

/** An optional step may fail without failing the build, so an instruction is preferred. */
export function failedStep(steps: readonly BuildStep[]): BuildStep | undefined {
  const failed = steps.filter(({ state, name }) => state === 'failed' && !cacheTransfer.test(name));
  return failed.find(({ instruction }) => instruction !== undefined) ?? failed.at(-1);
}

/** Old engines wrap their errors in the words of gRPC, some several times. */
function withoutPrefixes(message: string): string {
  return message.replace(/^(?:failed to solve(?: with frontend \S+)?: |rpc error: code = \w+ desc = )+/, '');
}

/** moby/buildkit solver/errdefs/errdefs.proto `Source`, as the JSON of Go's structures. */
interface SourceDetail {
  readonly info?: { readonly filename?: string };
  readonly ranges?: readonly {
    readonly start?: { readonly line?: number };
    readonly end?: { readonly line?: number };
  }[];
}

function sourcesIn(error: GrpcError): SourceRange[] {
  return detailsIn<SourceDetail>(error, /errdefs\.Source\b/).flatMap(({ info, ranges = [] }) =>
    ranges.flatMap(({ start, end }) => {
      const firstLine = start?.line ?? 0;
      if (firstLine < 1) return [];
      return [{ file: info?.filename ?? '', firstLine, lastLine: Math.max(firstLine, end?.line ?? 0) }];
    }),
  );
}

/** moby/buildkit frontend/gateway/pb/gateway.proto `ExitMessage`. */
function exitCodeIn(error: GrpcError): number | undefined {
  const [exit] = detailsIn<{ readonly Code?: number }>(error, /\bExitMessage\b/);
  return typeof exit?.Code === 'number' ? exit.Code : undefined;
}

function exitCodeInText(message: string): number | undefined {
  const match = /(?:did not complete successfully|executor failed running .*): exit code: (\d+)$/s.exec(
    message,
  );
  return match === null ? undefined : Number(match[1]);
}

/** Details are JSON (moby/buildkit util/grpcerrors/grpcerrors.go). What cannot be parsed is skipped. */
function detailsIn<T>({ details }: GrpcError, type: RegExp): T[] {
  return details.flatMap((detail) => {
    if (!type.test(detail.type)) return [];
    try {
      const value: unknown = JSON.parse(Buffer.from(detail.value).toString('utf8'));
      return typeof value === 'object' && value !== null ? [value as T] : [];
    } catch {
      return [];
    }
  });
}
