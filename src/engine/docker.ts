import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import type { Engine } from '../model/ports.ts';
import { connect, engineAbilities, imageTriggers, listImages, readJson } from './api.ts';
import { build } from './build.ts';
import { type Client, processProbe, requireClient } from './client.ts';
import { runInContainer } from './container.ts';
import { type Environment, resolveEndpoint } from './endpoint.ts';
import type { Dial } from './get.ts';
import { pullImage, pushImage, splitName } from './transfer.ts';

/** The docker engine that this environment names. Nothing is started or asked before the first call needs it. */
export function dockerEngine(environment: Environment): Engine {
  const endpoint = resolveEndpoint(environment);
  const api = connect(endpoint, dialWithClient(environment));
  let client: Promise<Client> | undefined;
  const findClient = (): Promise<Client> => {
    client ??= requireClient(environment, endpoint, processProbe(environment));
    return client;
  };
  return {
    ready: async () => void (await findClient()),
    abilities: () => engineAbilities(api),
    images: () => listImages(api),
    triggers: (reference, platform) => imageTriggers(api, reference, platform),
    build: async (request, progress, signal) =>
      await build(request, await findClient(), api, environment, progress, signal),
    tag: async (imageId, reference) => {
      const { name: repo, rest: tag } = splitName(reference);
      const query = new URLSearchParams({ repo, tag }).toString();
      readJson(
        await api.request({ method: 'POST', path: `/images/${imageId}/tag?${query}` }),
        `tag ${reference}`,
      );
    },
    untag: async (reference) => {
      const answer = await api.request({ method: 'DELETE', path: `/images/${reference}` });
      // Somebody else was faster: it is gone all the same.
      if (answer.status === 404) return true;
      if (answer.status === 409) return false;
      readJson(answer, `take the tag ${reference} away`);
      return true;
    },
    test: (request, progress, signal) => runInContainer(api, request, progress, signal),
    push: (tag, credentials, progress, signal) => pushImage(api, tag, credentials, progress, signal),
    pull: (name, credentials, progress, signal) => pullImage(api, name, credentials, progress, signal),
  };
}

/** Reaches engines behind TLS or ssh the way the docker client does. */
export function dialWithClient(environment: Environment): Dial {
  return () => {
    const file = environment.TASKS_DOCKER || 'docker';
    const child = spawn(file, ['system', 'dial-stdio'], {
      env: { ...environment },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const duplex = Duplex.from({ readable: child.stdout, writable: child.stdin });
    child.on('error', (error) => duplex.destroy(error));
    duplex.on('close', () => child.kill());
    return duplex;
  };
}
