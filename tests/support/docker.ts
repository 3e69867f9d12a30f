import { connect, type EngineApi } from '../../src/engine/api.ts';
import { resolveEndpoint } from '../../src/engine/endpoint.ts';
import { listImages, readEngineVersion } from '../../src/engine/queries.ts';
import { TasksError } from '../../src/model/errors.ts';

/** Connects to the engine that tests use. @throws Error with a hint if there is none */
export async function connectTestEngine(): Promise<EngineApi> {
  const api = connect(resolveEndpoint(process.env), process.env);
  try {
    await readEngineVersion(api);
    return api;
  } catch (error) {
    if (!(error instanceof TasksError)) throw error;
    throw new Error(
      `these tests need a docker engine: run \`npx tasks doctor --fix\`, or skip them with \`npm test -- tests/unit tests/e2e\` (${error.message})`,
    );
  }
}

/** Removes every image with the label, and its tags. */
export async function removeImages(api: EngineApi, label: string): Promise<void> {
  for (const image of await listImages(api)) {
    if (image.labels[label] === undefined) continue;
    await api.request({ method: 'DELETE', path: `/images/${image.id}?force=1` });
  }
}
