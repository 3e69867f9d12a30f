import { type BuildSession, openBuildSession } from './build-session.ts';
import type { Connection } from './connect.ts';
import { connectionClosed, EngineLost } from './engine-lost.ts';
import { serverStream, unary } from './grpc/call.ts';
import { GrpcError, NoStatus } from './grpc/status.ts';
import { Control } from './methods.ts';
import { newId } from './new-id.ts';
import { pause } from './pause.ts';
import { type BuildEvent, type ProgressReader, readProgress } from './progress.ts';
import type { BuildServices } from './services.ts';
import { watchSilence } from './silence.ts';
import { failedStep, failureOf, failureWithoutAnswer, SolveFailed } from './solve-failed.ts';
import { type SolveInput, solveRequestOf } from './solve-request.ts';
import type { BuildStep } from './steps.ts';
import { untilUnreadable } from './unreadable.ts';
import { untilAborted } from './until-aborted.ts';

/** What a build made. */
export interface SolveResult {
  /** `containerimage.digest`: the image's ID in the engine's store. Undefined for other exports than images. */
  readonly digest: string | undefined;
  /** `containerimage.config.digest`: the digest of the image's config. Docker 20.10 does not say it. */
  readonly configDigest: string | undefined;
  /** Everything that the exporter answered. */
  readonly response: Readonly<Record<string, string>>;
  /** The last state of each step. */
  readonly steps: readonly BuildStep[];
}

/** How long is waited for what an engine should do, in milliseconds. */
export interface Limits {
  /** Without a byte, until the engine is lost. */
  readonly silence: number;
  /** After a step failed and the status ended, until the build is reported without its answer. */
  readonly answer: number;
  /** After the engine ended the session, until the build is given up. */
  readonly session: number;
  /** After the answer, for the rest of the status. */
  readonly status: number;
}

const defaultLimits: Limits = { silence: 60_000, answer: 5_000, session: 2_000, status: 3_000 };

/**
 * Builds with the engine of a connection, which is closed at the end, and with a session of its own. Abort cancels the build in
 * the engine. A connection that fails is retired.
 * @throws SolveFailed; EngineLost; the error of a file transfer; on abort, the signal's reason
 */
export async function build(
  connection: Connection,
  input: SolveInput,
  services: BuildServices,
  onEvent: (event: BuildEvent) => void,
  signal: AbortSignal,
  limits: Limits = defaultLimits,
): Promise<SolveResult> {
  const session = await openBuildSession(connection, input.sharedKey, services, signal);
  try {
    return await buildInSession(connection, input, session, onEvent, signal, limits);
  } finally {
    session.close();
  }
}

/**
 * Builds with a session that other builds may use, too. Closes the connection at the end, but not the session.
 * @throws as `build` does
 */
export async function buildInSession(
  connection: Connection,
  input: SolveInput,
  session: BuildSession,
  onEvent: (event: BuildEvent) => void,
  signal: AbortSignal,
  limits: Limits = defaultLimits,
): Promise<SolveResult> {
  const progress = readProgress();
  const silence = watchSilence(connection, limits.silence);
  const finished = new AbortController();
  try {
    const ref = newId();
    const request = solveRequestOf(input, { ref, session: session.id });
    // The engine waits for a build to start, but does not know builds that have ended: so the status is requested first.
    const status = followStatus(connection, ref, progress, onEvent, finished.signal);
    const answer = unary(connection.http2, Control.solve, request, signal);
    answer.catch(() => undefined);
    const lost = Promise.race([silence.lost, lostSession(session, limits, finished.signal)]);
    const isHeldBack = (): boolean => session.connection === connection && session.transfers.isHeldBack();
    const unanswered = missingAnswer(connection, status, progress, isHeldBack, limits, finished.signal);
    try {
      const { ExporterResponse: response } = await Promise.race([answer, lost, unanswered]);
      await untilAborted(Promise.race([session.transfers.received(), lost]), signal);
      await untilAborted(within(limits.status, status), signal);
      const failure = session.failureBehind(undefined, connection);
      if (failure !== undefined) throw failure;
      return {
        digest: response['containerimage.digest'],
        configDigest: response['containerimage.config.digest'],
        response,
        steps: progress.steps(),
      };
    } catch (error) {
      signal.throwIfAborted();
      if (isOfConnection(error)) connection.retire();
      // The state of the step that failed may be on its way.
      if (error instanceof GrpcError) await untilAborted(within(limits.status / 3, status), signal);
      const reason = reasonOf(error, connection, progress);
      throw session.failureBehind(reason, connection) ?? reason;
    }
  } finally {
    finished.abort();
    silence.stop();
    for (const event of progress.end()) onEvent(event);
    connection.close();
  }
}

/** Whether no answer came: without one, a SolveFailed is made of the status. */
function isOfConnection(error: unknown): boolean {
  return error instanceof EngineLost || error instanceof NoStatus || error instanceof SolveFailed;
}

/** Reports the status stream until it ends. Its errors are not the build's: Control/Solve reports those. */
async function followStatus(
  connection: Connection,
  ref: string,
  progress: ProgressReader,
  onEvent: (event: BuildEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const message of serverStream(connection.http2, Control.status, { Ref: ref }, signal)) {
      for (const event of progress.read(message)) onEvent(event);
    }
  } catch (error) {
    if (!(error instanceof GrpcError) && !signal.aborted) throw error;
  }
}

/** Rejects if the engine ended the session: the build could wait for files for ever. */
async function lostSession(session: BuildSession, limits: Limits, signal: AbortSignal): Promise<never> {
  await session.ended;
  await pause(limits.session, signal);
  throw new EngineLost('session', 'the engine ended the session of the build');
}

/**
 * Rejects if the answer will not come: a step failed and the status has ended, or the connection cannot be read. If no step
 * failed, an engine may take long to answer after the status.
 */
async function missingAnswer(
  connection: Connection,
  status: Promise<void>,
  progress: ProgressReader,
  isHeldBack: () => boolean,
  limits: Limits,
  signal: AbortSignal,
): Promise<never> {
  const failed = async (): Promise<void> => {
    await status;
    do await pause(limits.answer, signal);
    while (failedStep(progress.steps()) === undefined);
  };
  await Promise.race([failed(), untilUnreadable(connection, isHeldBack, limits.answer, signal)]);
  throw withoutAnswer(connection, progress.steps());
}

/** The connection cannot be read. On one of several builds, an answer to another build is the reason unless a step of this one failed. */
function withoutAnswer(connection: Connection, steps: readonly BuildStep[]): Error {
  if (!connection.isShared || failedStep(steps) !== undefined) return failureWithoutAnswer(steps);
  return connectionClosed(connection.failure());
}

function reasonOf(error: unknown, connection: Connection, progress: ProgressReader): unknown {
  const steps = progress.steps();
  // The connection may be unreadable: see unreadable.ts.
  const isSilent = error instanceof EngineLost && error.reason === 'silent';
  if (isSilent && failedStep(steps) !== undefined) return failureWithoutAnswer(steps);
  if (!(error instanceof GrpcError)) return error;
  if (!(error instanceof NoStatus)) return failureOf(error, steps);
  const isUnreadable = error.isUnreadable || connection.isUnreadable();
  if (isUnreadable || failedStep(steps) !== undefined) return withoutAnswer(connection, steps);
  return connectionClosed(connection.failure(), error);
}

/** Waits for a promise, but not longer than some milliseconds. */
async function within(limit: number, work: Promise<void>): Promise<void> {
  const done = new AbortController();
  try {
    await Promise.race([work, pause(limit, done.signal)]);
  } finally {
    done.abort();
  }
}
