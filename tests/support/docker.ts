import { extract } from 'tar-stream';
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

/** Removes every image with the label, and its tags; with a value, only those that have it. */
export async function removeImages(api: EngineApi, label: string, value?: string): Promise<void> {
  for (const image of await listImages(api)) {
    if (image.labels[label] === undefined || image.labels[label] !== (value ?? image.labels[label])) continue;
    await api.request({ method: 'DELETE', path: `/images/${image.id}?force=1` });
  }
}

/** Returns the text of a file of an image. @throws Error if there is no such image or file */
export async function readFromImage(api: EngineApi, image: string, file: string): Promise<string> {
  const body = { Image: image, Cmd: ['x'], NetworkDisabled: true };
  const created = await api.request({ method: 'POST', path: '/containers/create', body });
  if (created.status !== 201) throw new Error(created.body.toString());
  const { Id } = JSON.parse(created.body.toString()) as { Id: string };
  const archive = await api.request({ path: `/containers/${Id}/archive?path=${file}` });
  await api.request({ method: 'DELETE', path: `/containers/${Id}?force=1` });
  if (archive.status !== 200) throw new Error(archive.body.toString());
  let text = '';
  const unpack = extract();
  unpack.on('entry', (_header, stream, next) => {
    stream.on('data', (data) => (text += data));
    stream.on('end', next);
  });
  await new Promise<void>((resolve, reject) => {
    unpack.on('finish', () => resolve()).on('error', reject);
    unpack.end(archive.body);
  });
  return text;
}
