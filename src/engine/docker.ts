import type { Environment } from '../model/environment.ts';
import type { Engine } from '../model/ports.ts';
import { connect, parseResponse } from './api.ts';
import { build } from './build.ts';
import { type Client, processProbe, requireClient } from './client.ts';
import { dialWithClient } from './dial.ts';
import { resolveEndpoint } from './endpoint.ts';
import { clientEnvironment } from './environment.ts';
import { listImages, readCapabilities, readImageTriggers } from './queries.ts';
import { startReaper } from './reaper.ts';
import { removeOrphanedTests, runTestContainer } from './test-container.ts';
import { pullImage, pushImage, splitReference } from './transfer.ts';

export interface DockerOptions {
  /** Aborts every request that has no signal of its own. */
  readonly signal: AbortSignal;
  /** The script of the process that removes test containers if this one is killed. Without it, the next run removes them. */
  readonly reaper?: string;
}

/**
 * Returns the docker engine that the environment selects. Starts no process and opens no connection before the first call that
 * needs one. @throws TasksError exit 3 if the environment's docker host or context is not valid
 */
export function dockerEngine(
  environment: Environment,
  { signal, reaper: reaperScript }: DockerOptions,
): Engine {
  const endpoint = resolveEndpoint(environment);
  const api = connect(endpoint, dialWithClient(environment), { signal });
  const reaper = reaperScript === undefined ? undefined : startReaper(reaperScript, environment);
  let client: Promise<Client> | undefined;
  const findClient = (): Promise<Client> => {
    client ??= requireClient(environment, endpoint, processProbe(clientEnvironment(environment), signal));
    return client;
  };
  return {
    ready: async () => void (await findClient()),
    abilities: () => readCapabilities(api),
    images: () => listImages(api),
    triggers: (reference, platform) => readImageTriggers(api, reference, platform),
    build: async (request, progress, signal) =>
      await build(request, await findClient(), api, environment, progress, signal),
    tag: async (imageId, reference) => {
      const { name: repo, rest: tag } = splitReference(reference);
      const query = new URLSearchParams({ repo, tag }).toString();
      parseResponse(
        await api.request({ method: 'POST', path: `/images/${imageId}/tag?${query}` }),
        `tag ${reference}`,
      );
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
    pull: (name, credentials, progress, signal) => pullImage(api, name, credentials, progress, signal),
  };
}
