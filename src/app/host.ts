import { setTimeout as delay } from 'node:timers/promises';
import { openRedisStore } from '../cache/redis-store.ts';
import { noSharedStore, type SharedStore } from '../cache/shared-store.ts';
import { processes } from '../engine/command-runner.ts';
import { type DockerOptions, dockerEngine } from '../engine/docker.ts';
import { resolveEndpoint } from '../engine/endpoint.ts';
import { proxyArgs } from '../engine/proxies.ts';
import type { Environment } from '../model/environment.ts';
import type { Clock, ConnectedNode, Engine, Processes } from '../model/ports.ts';
import type { Registry } from '../model/registry.ts';
import type { Client } from '../registry/client.ts';
import type { RequestLimits } from '../registry/registry.ts';
import type { Notify } from './notices.ts';
import type { BuilderName } from './options.ts';

/** This program: where its files are, and what it needs from the process that runs it. */
export interface Program {
  /** Changes with every change of the program. Derived files of another program are not used. */
  readonly id: string;
  /** Absolute path of the folder with the script and the style of the graph page. */
  readonly pageFolder: string;
  /** Absolute path of the declarations of what definitions import. */
  readonly typesFile: string;
  /** Absolute path of the program that removes test containers when this process is gone. */
  readonly reaper: string;
  /** Node's own `import`. */
  loadModule(url: string): Promise<unknown>;
  /** Called before what takes longer than a run with nothing to do: reading a large project, building. */
  onLongRun?(): void;
  /** Called after images were built. */
  onBuilt?(): void;
}

/** A builder node without its share of the jobs. */
export type AnsweringNode = Omit<ConnectedNode, 'jobs'>;

/** Connects to the nodes of a builder. @throws TasksError exit 3 if none answers */
export type ConnectNodes = (onDead: (message: string) => void) => Promise<readonly AnsweringNode[]>;

/** Systems outside of the process. Tests replace them with fakes. */
export interface Connections {
  readonly processes: Processes;
  engine(signal: AbortSignal): Engine;
  /**
   * Finds a builder. Returns a function that connects to its nodes, and reports those that do not answer; undefined if it is the docker
   * engine itself. @throws TasksError exit 2 or 3
   */
  builder(named: BuilderName, signal: AbortSignal): Promise<ConnectNodes | undefined>;
  /** The records that other machines share. One connection serves all plans. */
  sharedStore(): SharedStore;
  registry(signal: AbortSignal, limits?: RequestLimits): Promise<Registry>;
  /** The same registries, request by request. */
  registryClient(signal: AbortSignal, limits?: RequestLimits): Promise<Client>;
}

/** What the use cases know of the world outside a project. */
export interface Host {
  /** Passed to engines, registries and commands. Settings of the command line are not read from it. */
  readonly environment: Environment;
  readonly clock: Clock;
  readonly program: Program;
  readonly connections: Connections;
  /** Reports what a person should know and what is not an error. */
  readonly notify: Notify;
}

/** Limits for a registry that a build can do without: an unreachable one must not delay it for long. */
export const briefRequests: RequestLimits = { tries: 2, timeoutMs: 10_000 };

/** A signal that is never aborted. */
export const neverAborted: AbortSignal = new AbortController().signal;

export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (ms, signal) => delay(ms, undefined, { signal }),
};

/**
 * Returns connections to the engine that the environment names and to registries as docker reaches them. `cacheUrl`: the
 * shared store of records, if any (TASKS_CACHE_URL).
 */
export function dockerConnections(
  environment: Environment,
  {
    reaper,
    cacheUrl,
    warn,
  }: {
    readonly reaper: string;
    readonly cacheUrl?: string | undefined;
    readonly warn: (message: string) => void;
  },
): Connections {
  let store: SharedStore | undefined;
  return {
    processes,
    engine: (signal) => dockerEngine(environment, { signal, reaper, login: buildLogin(environment, signal) }),
    // Loaded on first use, with HTTP/2 and the messages of BuildKit.
    async builder({ name, origin }, signal) {
      const { findBuilder } = await import('../engine/builder-nodes.ts');
      const found = findBuilder(name, origin, environment);
      if (found === 'engine') return undefined;
      return async (onDead) => {
        const { connectNodes } = await import('../engine/connect-nodes.ts');
        const proxies = proxyArgs(resolveEndpoint(environment), environment);
        const login = buildLogin(environment, signal);
        return await connectNodes(found, { builder: name, proxies, login, environment, signal, onDead });
      };
    },
    sharedStore() {
      store ??= cacheUrl ? openRedisStore(cacheUrl, warn) : noSharedStore;
      return store;
    },
    // Loaded on first use: a build with nothing to do needs no registry.
    async registry(signal, limits) {
      const { openRegistry } = await import('./registries.ts');
      return openRegistry(environment, signal, limits);
    },
    async registryClient(signal, limits) {
      const { openRegistryClient } = await import('./registries.ts');
      return openRegistryClient(environment, signal, limits);
    },
  };
}

/** Returns the logins of docker's configuration. Read only if a build asks for one. */
export function buildLogin(
  environment: Environment,
  signal: AbortSignal,
): NonNullable<DockerOptions['login']> {
  return async (host) => {
    const { dockerCredentials } = await import('../registry/credentials.ts');
    // BuildKit names the host of Docker Hub's API.
    const found = await dockerCredentials(
      environment,
      signal,
    )(host === 'registry-1.docker.io' ? 'docker.io' : host);
    if (found === undefined) return undefined;
    // BuildKit takes a login without a user name for an identity token (moby/buildkit session/auth/authprovider).
    return 'identityToken' in found ? { username: '', password: found.identityToken } : found;
  };
}
