import type { Environment } from '../model/environment.ts';
import type { Engine } from '../model/ports.ts';
import { connect, parseResponse } from './api.ts';
import type { ImageBuilder, Link } from './build.ts';
import type { FindLogin } from './build-logins.ts';
import { type Endpoint, resolveEndpoint } from './endpoint.ts';
import { proxyArgs } from './proxies.ts';
import {
  abilitiesOf,
  type EngineVersion,
  findImageId,
  listImages,
  readEngineVersion,
  readImageTriggers,
} from './queries.ts';
import { startReaper } from './reaper.ts';
import { removeOrphanedTests, runTestContainer } from './test-container.ts';
import { pullImage, pushImage, splitReference } from './transfer.ts';
import { dialerOf } from './transport.ts';

export interface DockerOptions {
  /** Aborts every request that has no signal of its own. */
  readonly signal: AbortSignal;
  /** The script of the process that removes test containers if this one is killed. Without it, the next run removes them. */
  readonly reaper?: string;
  /** Returns the login for the registry at a host, for builds; undefined if there is none. */
  readonly login?: FindLogin;
}

function linkOf({ kind }: Endpoint): Link {
  if (kind === 'ssh') return 'program';
  return kind === 'tls' ? 'tls' : 'socket';
}

/**
 * Returns the docker engine that the environment selects. Starts no process and opens no connection before the first call that
 * needs one. @throws TasksError exit 3 if the environment's docker host or context is not valid
 */
export function dockerEngine(
  environment: Environment,
  { signal, reaper: reaperScript, login = async () => undefined }: DockerOptions,
): Engine {
  const endpoint = resolveEndpoint(environment);
  const api = connect(endpoint, environment, { signal });
  const reaper = reaperScript === undefined ? undefined : startReaper(reaperScript, environment);
  let version: Promise<EngineVersion> | undefined;
  const readVersion = async (): Promise<EngineVersion> => {
    version ??= readEngineVersion(api);
    try {
      return await version;
    } catch (error) {
      version = undefined;
      throw error;
    }
  };
  let builder: Promise<ImageBuilder> | undefined;
  // Loaded by runs that build only: HTTP/2 and the messages of BuildKit take as long as everything else.
  const loadBuilder = async (): Promise<ImageBuilder> => {
    const [{ makeBuilder }, { engineTarget }] = await Promise.all([
      import('./build.ts'),
      import('./built-image.ts'),
    ]);
    return makeBuilder({
      target: engineTarget(api),
      open: dialerOf(endpoint, environment),
      link: linkOf(endpoint),
      apiVersion: async () => (await readVersion()).apiVersion,
      proxies: proxyArgs(endpoint, environment),
      login,
      environment,
      signal,
    });
  };
  const useBuilder = (): Promise<ImageBuilder> => {
    builder ??= loadBuilder();
    return builder;
  };
  return {
    ready: async () => void (await readVersion()),
    abilities: async () => abilitiesOf(await readVersion()),
    images: () => listImages(api),
    triggers: (reference, platform) => readImageTriggers(api, reference, platform),
    resolve: (tag) => findImageId(api, tag),
    platforms: async () => {
      const { isLocalEngine, runnablePlatforms } = await import('./runnable-platforms.ts');
      const listed = await (await useBuilder()).platforms();
      return runnablePlatforms(listed, await isLocalEngine(endpoint, api));
    },
    grants: async (entitlement) => await (await useBuilder()).grants(entitlement),
    build: async (request, progress, signal) => await (await useBuilder()).build(request, progress, signal),
    tag: async (imageId, reference) => {
      const { name: repo, rest: tag } = splitReference(reference);
      const query = new URLSearchParams({ repo, tag }).toString();
      parseResponse(await api.post(`/images/${imageId}/tag?${query}`), `tag ${reference}`);
    },
    untag: async (reference) => {
      const response = await api.request({ method: 'DELETE', path: `/images/${reference}` });
      // Already removed by another process.
      if (response.status === 404) return true;
      // A container uses the image.
      if (response.status === 409) return false;
      parseResponse(response, `remove the tag ${reference}`);
      return true;
    },
    test: (request, progress, signal) => runTestContainer(api, request, progress, signal, reaper),
    removeLeftoverTests: (isGone) => removeOrphanedTests(api, isGone, signal),
    push: (tag, credentials, progress, signal) => pushImage(api, tag, credentials, progress, signal),
    pull: (name, platform, credentials, progress, signal) =>
      pullImage(api, name, platform, credentials, progress, signal),
  };
}
