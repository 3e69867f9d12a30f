import { connect, type EngineApi, listImages, readEngineVersion } from '../../src/engine/api.ts';
import { dialWithClient } from '../../src/engine/dial.ts';
import { resolveEndpoint } from '../../src/engine/endpoint.ts';
import { TasksError } from '../../src/model/errors.ts';

/** The engine that tests run against. @throws where there is none, with what to do */
export async function connectTestEngine(): Promise<EngineApi> {
  const api = connect(resolveEndpoint(process.env), dialWithClient(process.env));
  try {
    await readEngineVersion(api);
    return api;
  } catch (error) {
    if (!(error instanceof TasksError)) throw error;
    throw new Error(
      `these tests need a docker engine: \`npx tasks doctor --fix\`, or leave them out: \`npm test -- tests/unit tests/e2e\` (${error.message})`,
    );
  }
}

/** Removes every image that carries the label, its tags included. */
export async function removeImages(api: EngineApi, label: string): Promise<void> {
  for (const image of await listImages(api)) {
    if (image.labels[label] === undefined) continue;
    await api.request({ method: 'DELETE', path: `/images/${image.id}?force=1` });
  }
}
