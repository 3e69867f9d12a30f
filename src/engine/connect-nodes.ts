import type { Environment } from '../model/environment.ts';
import { EngineUnavailable, TasksError } from '../model/errors.ts';
import { failedPush } from '../model/failure-cause.ts';
import { type Builder, type ConnectedNode, StepFailed } from '../model/ports.ts';
import { makeBuilder } from './build.ts';
import type { EngineName } from './build-failure.ts';
import type { FindLogin } from './build-logins.ts';
import type { NodeAddress } from './builder-nodes.ts';
import { nodeTarget } from './node-target.ts';

export interface NodeOptions {
  /** The builder, as the user names it. */
  readonly builder: string;
  /** Build args that every build gets: see `BuilderOptions`. */
  readonly proxies: Readonly<Record<string, string>>;
  readonly login: FindLogin;
  readonly environment: Environment;
  readonly signal: AbortSignal;
  /** Called for each node that does not answer. */
  onDead(message: string): void;
  /** How long a node may take to answer before a run starts, in milliseconds. */
  readonly answerMs?: number;
}

/** See `NodeOptions.answerMs`. */
const answerTimeout = 2_000;
/** How long it may take to answer after a build has failed. */
const aliveTimeout = 20_000;

/**
 * Connects to the nodes of a builder, to all at the same time. Those that do not answer are left out.
 * @throws TasksError exit 3 if none answers; the signal's reason
 */
export async function connectNodes(
  addresses: readonly NodeAddress[],
  options: NodeOptions,
): Promise<readonly Omit<ConnectedNode, 'jobs'>[]> {
  const answers = await Promise.all(addresses.map((address) => connectNode(address, options)));
  const nodes = answers.flatMap((answer) => (answer instanceof Error ? [] : [answer]));
  const dead = answers.filter((answer) => answer instanceof Error);
  if (nodes.length === 0)
    throw new TasksError(3, `no node of the builder ${options.builder} answers\n${linesOf(dead)}`, {
      hint: `run \`tasks doctor --builder ${options.builder}\` to check it`,
    });
  for (const { message } of dead) options.onDead(`${message}; it is left out`);
  return nodes;
}

function linesOf(errors: readonly Error[]): string {
  return errors.map(({ message }) => `  ${message}`).join('\n');
}

async function connectNode(
  address: NodeAddress,
  { builder, answerMs = answerTimeout, ...options }: NodeOptions,
): Promise<Omit<ConnectedNode, 'jobs'> | Error> {
  const target = nodeTarget(address, builder, async (signal) => {
    const limit = AbortSignal.timeout(aliveTimeout);
    try {
      await images.platforms(AbortSignal.any([signal, limit]));
    } catch (error) {
      signal.throwIfAborted();
      throw limit.aborted ? silent(target.name.full, aliveTimeout, error) : error;
    }
  });
  const images = makeBuilder({ ...options, ...address, target, apiVersion: async () => undefined });
  const limit = AbortSignal.timeout(answerMs);
  try {
    const found = await images.platforms(AbortSignal.any([options.signal, limit]));
    const [native] = found;
    if (native === undefined) return new Error(`${target.name.full} has no worker`);
    const { name, platforms = found } = address;
    const builder = nodeBuilder(images, { platforms, native }, target.name);
    return { name, platforms, native, builder };
  } catch (error) {
    options.signal.throwIfAborted();
    return limit.aborted ? silent(target.name.full, answerMs, error) : (error as Error);
  }
}

function silent(name: string, ms: number, cause: unknown): EngineUnavailable {
  return new EngineUnavailable(`${name} does not answer within ${ms / 1000} s`, {
    hint: 'check the node and the network',
    cause,
  });
}

/** moby/buildkit exporter: the BuildKit of docker has the exporter for registries only with containerd's image store. */
function canPush(error: unknown): boolean {
  return !(error instanceof StepFailed && /exporter "image" could not be found/.test(error.message));
}

function cannotPush(name: string, cause: unknown): TasksError {
  return new TasksError(3, `${name} is a docker engine that cannot push what it builds`, {
    hint: "switch it to containerd's image store, or use it as an engine: DOCKER_HOST instead of a builder",
    cause,
  });
}

/** Adds a hint to failures that are those of a node: the general advice is about the engine of this machine. */
function withHint(error: unknown, { full, check }: EngineName): unknown {
  if (!(error instanceof StepFailed)) return error;
  const { cause } = error.facts;
  const hint =
    cause === 'disk-full'
      ? `free space on ${full}, for example with \`docker buildx prune\``
      : cause === 'network' && failedPush.test(error.message)
        ? `${full} must reach this registry under this name: run ${check}`
        : undefined;
  return hint === undefined ? error : new StepFailed(`${error.message}\n${hint}`, error.facts);
}

/** A node that pushes by digest has named contexts and limits: both are older (moby/buildkit 0.10). */
function nodeBuilder(
  { build, test, grants, platforms }: Pick<Builder, 'build' | 'test' | 'grants' | 'platforms'>,
  own: Pick<ConnectedNode, 'platforms' | 'native'>,
  name: EngineName,
): Builder {
  return {
    ready: async () => void (await platforms()),
    abilities: async () => ({
      version: 'unknown',
      platform: own.native,
      namedContexts: true,
      runLimits: true,
    }),
    platforms: async () => own.platforms,
    grants,
    async build(request, progress, signal) {
      try {
        return await build(request, progress, signal);
      } catch (error) {
        throw canPush(error) ? withHint(error, name) : cannotPush(name.full, error);
      }
    },
    test,
    // A test ends with its connection.
    removeLeftoverTests: async () => undefined,
  };
}
