import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type BuildRequest, type BuiltImage, type Progress, StepFailed } from '../model/ports.ts';
import { type EngineApi, readJson } from './api.ts';
import type { Client } from './client.ts';
import { csvField } from './csv.ts';
import type { Environment } from './endpoint.ts';
import { runProcess } from './process.ts';
import { readBuildKit } from './progress.ts';
import { stageBuild } from './staging.ts';

/**
 * Builds with the docker client and BuildKit, and verifies the image. No tag is put before that.
 * @throws StepFailed for a build that fails; TasksError exit 3 where the engine is gone
 */
export async function build(
  request: BuildRequest,
  client: Client,
  api: EngineApi,
  environment: Environment,
  progress: Progress,
  signal: AbortSignal,
): Promise<BuiltImage | undefined> {
  const iidFile = path.join(request.work, 'iid');
  const staged = await stageBuild(request, signal);
  const reader = readBuildKit(progress);
  const exit = await runProcess({
    argv: [
      client.path,
      'build',
      ...buildFlags(request, iidFile),
      `--file=${staged.dockerfile}`,
      staged.context,
    ],
    cwd: request.work,
    env: clientEnvironment(environment, client),
    signal,
    onLine: (line) => reader.line(line),
  });
  signal.throwIfAborted();
  if (exit.code !== 0) {
    // Throws with exit code 3 where it is the engine that is gone.
    await api.request({ path: '/_ping' });
    const words =
      exit.problem ??
      reader.failure() ??
      `docker build ended with ${exit.signal ?? `exit code ${exit.code}`}`;
    throw new StepFailed(words, reader.failedStep());
  }
  return request.exportTo !== undefined
    ? undefined
    : { ...(await verify(request, readFileSync(iidFile, 'utf8').trim(), api)), ran: reader.ran() };
}

function buildFlags(request: BuildRequest, iidFile: string): string[] {
  const pairs = (flag: string, values: Readonly<Record<string, string>>): string[] =>
    Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);
  return [
    '--progress=plain',
    `--platform=${request.platform}`,
    ...(request.exportTo !== undefined
      ? [`--output=type=local,${csvField(`dest=${request.exportTo}`)}`]
      : [`--iidfile=${iidFile}`]),
    ...(request.target !== undefined ? [`--target=${request.target}`] : []),
    ...(request.network !== 'default' ? [`--network=${request.network}`] : []),
    ...(request.noCache ? ['--no-cache'] : []),
    ...Object.entries(request.secrets).map(([id, source]) =>
      'env' in source
        ? `--secret=id=${id},env=${source.env}`
        : `--secret=id=${id},${csvField(`src=${source.file}`)}`,
    ),
    ...pairs('--build-arg', request.args),
    ...pairs('--label', request.labels),
  ];
}

function clientEnvironment(environment: Environment, client: Client): Record<string, string> {
  const env = Object.entries({ ...environment, ...client.env }).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  );
  // buildx would take it as a build arg that no key knows of.
  return Object.fromEntries(env.filter(([name]) => name !== 'SOURCE_DATE_EPOCH'));
}

/** The image as the engine has it: of the platform asked for, with the labels asked for. */
async function verify(
  request: BuildRequest,
  imageId: string,
  api: EngineApi,
): Promise<Omit<BuiltImage, 'ran'>> {
  type Inspected = {
    Id: string;
    Os: string;
    Architecture: string;
    Size: number;
    Config: { Labels: Record<string, string> | null };
  };
  const image = readJson<Inspected>(
    await api.request({ path: `/images/${imageId}/json` }),
    `show the image ${imageId}`,
  );
  const labels = image.Config.Labels ?? {};
  const wrong = Object.entries(request.labels).find(([name, value]) => labels[name] !== value);
  if (wrong !== undefined)
    throw new StepFailed(`the built image ${imageId} does not carry the label ${wrong[0]} it was built with`);
  const platform = `${image.Os}/${image.Architecture}`;
  if (!request.platform.startsWith(platform))
    throw new StepFailed(`the built image is for ${platform}, not ${request.platform}`);
  return { imageId: image.Id, bytes: image.Size };
}
