import { buildInSession, build as buildOn, type SolveResult } from '../buildkit/build.ts';
import { type Connection, connect, type Entry, entriesFor, type OpenTransport } from '../buildkit/connect.ts';
import { makeConnectionPool } from '../buildkit/connection-pool.ts';
import { makeFolder } from '../buildkit/context-entries.ts';
import { makeDockerfileFolder } from '../buildkit/dockerfile-folder.ts';
import { isEntitled } from '../buildkit/entitlements.ts';
import { nameFolders } from '../buildkit/named-folders.ts';
import { SolveFailed } from '../buildkit/solve-failed.ts';
import type { Export } from '../buildkit/solve-request.ts';
import type { Environment } from '../model/environment.ts';
import {
  type BuildRequest,
  type BuiltImage,
  type Progress,
  StepFailed,
  type TestRequest,
  type TestResult,
} from '../model/ports.ts';
import { type EngineName, engineErrorOf, portErrorOf } from './build-failure.ts';
import { servicesOf, solveInputOf, usesFrontendInputs } from './build-input.ts';
import type { FindLogin } from './build-logins.ts';
import { type BuildReport, reportBuild } from './build-report.ts';
import { listPlatforms } from './list-platforms.ts';
import { makeSharedSessions } from './shared-sessions.ts';
import { reportTest, testBuild, testResultOf } from './test-solve.ts';

/**
 * What connections to an engine are. Builds have one each, and sessions one of their own, over `socket`s; with `tls`, sessions go
 * through a tunnel, as Node serves no HTTP/2 where TLS agreed on HTTP/1.1; a `program` is expensive, so that builds share connections.
 */
export type Link = 'socket' | 'tls' | 'program';

/** Where built images go. */
export interface BuildTarget {
  /** How it is called in messages. */
  readonly name: EngineName;
  /** Returns the exporter for the image of a build. */
  exporterFor(request: BuildRequest): Export;
  /** Returns the image that a build made. @throws StepFailed if it is not what was asked for */
  imageOf(
    result: SolveResult,
    request: BuildRequest,
    signal: AbortSignal,
  ): BuiltImageFacts | Promise<BuiltImageFacts>;
  /** Whether a build failed because another one stored the same image at the same moment. */
  isCollision?(error: SolveFailed): boolean;
  /** Called when a build has failed: one that is shutting down fails its builds. @throws TasksError exit 3 if it does not answer */
  checkAlive(signal: AbortSignal): Promise<void>;
}

type BuiltImageFacts = Omit<BuiltImage, 'ran'>;

export interface BuilderOptions {
  readonly target: BuildTarget;
  /** Opens a connection to the engine. */
  readonly open: OpenTransport;
  readonly link: Link;
  /** The version of the Engine API, for example `1.45`; undefined for a BuildKit that has no such API. */
  readonly apiVersion: () => Promise<string | undefined>;
  /** Build args that every build gets, as docker's own builds do. They are in no key: what a Dockerfile declares is in the request. */
  readonly proxies: Readonly<Record<string, string>>;
  readonly login: FindLogin;
  readonly environment: Environment;
  /** Ends what several builds share. */
  readonly signal: AbortSignal;
}

/** Builds images with a BuildKit: that of a docker engine, or a builder node. */
export interface ImageBuilder {
  /**
   * Builds an image and verifies it, or exports its files. Sets no tag.
   * @throws StepFailed; TasksError exit 3 if the engine cannot be reached, is gone or does not respond; the signal's reason
   */
  build(request: BuildRequest, progress: Progress, signal: AbortSignal): Promise<BuiltImage | undefined>;
  /** Runs a test as a build that is cached nowhere. @throws StepFailed, if it cannot be started; as `build` otherwise */
  test(request: TestRequest, progress: Progress, signal: AbortSignal): Promise<TestResult>;
  /** See `Builder`. @throws TasksError exit 3 */
  grants(entitlement: string): Promise<boolean>;
  /** See `Builder`. @throws TasksError exit 3 */
  platforms(signal?: AbortSignal): Promise<readonly string[]>;
}

/** A context of at least this size is sent once for all builds that run at the same time: that costs a connection more. */
const sharedBytes = 1 << 20;
/**
 * The error of a build contains its Dockerfile, and more than 64 KB of it end the connection (see unreadable.ts). Builds with a larger
 * Dockerfile than this, which is encoded twice, share no connection.
 */
const maxDockerfileBytes = 16 << 10;

export function makeBuilder(options: BuilderOptions): ImageBuilder {
  const { target, environment, login } = options;
  let entry: Entry | undefined;
  const openConnection = async (signal: AbortSignal): Promise<Connection> => {
    const entries = entriesFor(await options.apiVersion());
    const connection = await connect(options.open, entries, signal, entry);
    entry = connection.entry;
    return options.link === 'socket' ? connection : { ...connection, openForSession: undefined };
  };
  const pool =
    options.link === 'program'
      ? makeConnectionPool(() => openConnection(options.signal))
      : { acquire: openConnection };
  const acquireFor = ({ dockerfile }: BuildRequest, signal: AbortSignal): Promise<Connection> =>
    dockerfile.text.length > maxDockerfileBytes ? openConnection(signal) : pool.acquire(signal);
  const shared = makeSharedSessions(() => pool.acquire(options.signal), login, options.signal);

  const solve = async (
    request: BuildRequest,
    report: BuildReport,
    exporter: Export,
    signal: AbortSignal,
  ): Promise<SolveResult> => {
    const context = makeFolder(request.context);
    const { name, text } = request.dockerfile;
    const dockerfile = usesFrontendInputs(request) ? undefined : makeDockerfileFolder(name, text);
    const named = nameFolders(request.contexts ?? {});
    const folders = new Map(named.folders);
    if (dockerfile !== undefined) folders.set(dockerfile.key, dockerfile.folder);
    const input = { ...solveInputOf(request, context, dockerfile, named), export: exporter };
    const onEvent = report.take;
    if (canShare(request)) {
      const lease = await shared.acquire(context, folders, request.registries, signal);
      try {
        const connection = await acquireFor(request, signal);
        return await buildInSession(connection, input, lease.value, onEvent, signal);
      } finally {
        lease.release();
      }
    }
    const services = servicesOf(request, context, folders, { environment, login }, signal);
    return await buildOn(await acquireFor(request, signal), input, services, onEvent, signal);
  };

  const ask = async <T>(
    question: (connection: Connection) => Promise<T>,
    signal = options.signal,
  ): Promise<T> => {
    try {
      return await question(await pool.acquire(signal));
    } catch (error) {
      options.signal.throwIfAborted();
      throw engineErrorOf(error, target.name);
    }
  };

  return {
    async build(request, progress, signal) {
      const report = reportBuild(request.dockerfile, progress);
      const args = { ...options.proxies, ...request.args };
      const exporter: Export =
        request.exportTo === undefined ? target.exporterFor(request) : { kind: 'local' };
      try {
        const result = await retryCollisions(
          () => solve({ ...request, args }, report, exporter, signal),
          target,
          progress,
        );
        if (request.exportTo !== undefined) return undefined;
        const image = await target.imageOf(result, request, signal);
        return { ...image, ran: stepsThatRan(result) };
      } catch (error) {
        signal.throwIfAborted();
        const problem = portErrorOf(error, request.dockerfile, report, target.name);
        if (problem instanceof StepFailed) await target.checkAlive(signal);
        throw problem;
      }
    },
    async test(request, progress, signal) {
      const build = testBuild(request);
      const report = reportTest(progress);
      try {
        await solve(build, report, { kind: 'none' }, signal);
        return { exitCode: 0 };
      } catch (error) {
        signal.throwIfAborted();
        const result = testResultOf(error);
        await target.checkAlive(signal);
        if (result !== undefined) return result;
        throw portErrorOf(error, build.dockerfile, report, target.name);
      }
    },
    grants: (entitlement) => ask((connection) => isEntitled(connection, entitlement, options.signal)),
    platforms: (signal = options.signal) =>
      ask(async (connection) => {
        try {
          return await listPlatforms(connection, signal);
        } finally {
          connection.close();
        }
      }, signal),
  };
}

/** Secrets, SSH agents and exported files are for one build only. */
function canShare({ context, secrets, ssh, exportTo }: BuildRequest): boolean {
  if (exportTo !== undefined || ssh !== undefined || Object.keys(secrets).length > 0) return false;
  const bytes = context.reduce((total, { entry }) => total + (entry.type === 'file' ? entry.size : 0), 0);
  return bytes >= sharedBytes;
}

/** The maximum number of attempts for a build that collides with others. */
const maxTries = 4;

/** Repeats a build that collided with another one: its steps are cached then, and the image exists. @throws as `solve` does */
async function retryCollisions<T>(
  solve: () => Promise<T>,
  { isCollision }: BuildTarget,
  progress: Progress,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await solve();
    } catch (error) {
      if (tries === maxTries || !(error instanceof SolveFailed) || !isCollision?.(error)) throw error;
      progress.line(`another build stored the same image at the same moment: repeating the build`);
    }
  }
}

/** A base image that is here already is neither cached nor run. */
function stepsThatRan({ steps }: SolveResult): string[] {
  return steps
    .filter(({ state, instruction }) => state === 'done' && instruction !== undefined)
    .filter(({ instruction }) => !/^FROM\b/i.test(instruction!.text))
    .map(({ name }) => name);
}
