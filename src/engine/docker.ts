import type { Engine } from '../model/ports.ts';
import { connect, listImages, parseResponse, readCapabilities, readImageTriggers } from './api.ts';
import { build } from './build.ts';
import { type Client, processProbe, requireClient } from './client.ts';
import { dialWithClient } from './dial.ts';
import { type Environment, resolveEndpoint } from './endpoint.ts';
import { clientEnvironment } from './environment.ts';
import { startReaper } from './reaper.ts';
import { removeOrphanedTests, runTestContainer } from './test-container.ts';
import { pullImage, pushImage, splitReference } from './transfer.ts';

export interface DockerOptions {
  /** Ends all that has no signal of its own. */
  readonly signal: AbortSignal;
  /** The program that removes containers when this process is gone; undefined: the next run does. */
  readonly reaper?: string;
}

/** The docker engine that this environment names. Nothing is started or asked before the first call needs it. */
export function dockerEngine(environment: Environment, { signal, reaper: program }: DockerOptions): Engine {
  const endpoint = resolveEndpoint(environment);
  const api = connect(endpoint, dialWithClient(environment), { signal });
  const reaper = program === undefined ? undefined : startReaper(program, environment);
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
      const answer = await api.request({ method: 'DELETE', path: `/images/${reference}` });
      // Somebody else was faster: it is gone all the same.
      if (answer.status === 404) return true;
      if (answer.status === 409) return false;
      parseResponse(answer, `take the tag ${reference} away`);
      return true;
    },
    test: (request, progress, until) => runTestContainer(api, request, progress, until, reaper),
    removeLeftoverTests: (isGone) => removeOrphanedTests(api, isGone, signal),
    push: (tag, credentials, progress, signal) => pushImage(api, tag, credentials, progress, signal),
    pull: (name, credentials, progress, signal) => pullImage(api, name, credentials, progress, signal),
  };
}
