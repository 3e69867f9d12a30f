import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Environment } from '../model/environment.ts';
import { type BuildRequest, type BuiltImage, type Progress, StepFailed } from '../model/ports.ts';
import { type EngineApi, parseResponse } from './api.ts';
import type { Client } from './client.ts';
import { csvField } from './csv.ts';
import { clientEnvironment } from './environment.ts';
import { withLivenessCheck } from './liveness.ts';
import { runProcess } from './process.ts';
import { readBuildKit } from './progress.ts';
import { stageBuild } from './staging.ts';

/**
 * Builds with the docker client and BuildKit, and verifies the image. No tag is put before that.
 * @throws StepFailed for a build that fails; TasksError exit 3 where the engine is gone or does not answer
 */
export async function build(
  request: BuildRequest,
  client: Client,
  api: EngineApi,
  environment: Environment,
  progress: Progress,
  signal: AbortSignal,
): Promise<BuiltImage | undefined> {
  const staged = await stageBuild(request, signal);
  const reader = readBuildKit(progress);
  const secrets = Object.entries(request.secrets);
  const exit = await withLivenessCheck(api, signal, (until) =>
    runProcess({
      argv: [
        client.path,
        'build',
        ...buildFlags(request, client),
        ...secrets.map(([id, source], index) =>
          'env' in source
            ? `--secret=id=${id},env=${secretVariable(index)}`
            : `--secret=id=${id},${csvField(`src=${source.file}`)}`,
        ),
        `--file=${staged.dockerfile}`,
        staged.context,
      ],
      cwd: request.work,
      env: {
        ...clientEnvironment(environment),
        ...client.env,
        ...secretValues(request, environment),
      },
      signal: until,
      onLine: (line) => reader.line(line),
    }),
  );
  if (exit.code !== 0) {
    // Throws with exit code 3 where it is the engine that is gone.
    await api.request({ path: '/_ping', signal });
    const words =
      exit.problem ??
      reader.failure() ??
      `docker build ended with ${exit.signal ?? `exit code ${exit.code}`}`;
    throw new StepFailed(words, reader.failedStep());
  }
  return request.exportTo !== undefined
    ? undefined
    : { ...(await verify(request, api, signal)), ran: reader.ran() };
}

const idFile = ({ work }: BuildRequest): string => path.join(work, 'iid');
const metadataFile = ({ work }: BuildRequest): string => path.join(work, 'metadata');

function buildFlags(request: BuildRequest, client: Client): string[] {
  const pairs = (flag: string, values: Readonly<Record<string, string>>): string[] =>
    Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);
  const described = client.buildx === undefined ? [] : [`--metadata-file=${metadataFile(request)}`];
  return [
    '--progress=plain',
    `--platform=${request.platform}`,
    ...(request.exportTo !== undefined
      ? [`--output=type=local,${csvField(`dest=${request.exportTo}`)}`]
      : [`--iidfile=${idFile(request)}`, ...described]),
    ...(request.target !== undefined ? [`--target=${request.target}`] : []),
    ...(request.network !== 'default' ? [`--network=${request.network}`] : []),
    ...(request.noCache ? ['--no-cache'] : []),
    ...pairs('--build-arg', request.args),
    ...pairs('--label', request.labels),
  ];
}

/** A secret's variable may have a name that the client heeds itself: it is handed over under another. */
function secretVariable(index: number): string {
  return `TASKS_SECRET_${index}`;
}

function secretValues({ secrets }: BuildRequest, environment: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.values(secrets).flatMap((source, index) =>
      'env' in source ? [[secretVariable(index), environment[source.env] ?? '']] : [],
    ),
  );
}

/**
 * The ids that the built image may have, the likely one first. Containerd's image store calls an image by the digest of its
 * manifest, which the metadata tell; the id file holds that of its config, which is the name in docker's own store.
 */
function candidates(request: BuildRequest): string[] {
  const file = metadataFile(request);
  const metadata = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>)
    : {};
  const digest = metadata['containerimage.digest'];
  const id = readFileSync(idFile(request), 'utf8').trim();
  return [...new Set([...(typeof digest === 'string' ? [digest] : []), id])];
}

interface Inspected {
  readonly Id: string;
  readonly Os: string;
  readonly Architecture: string;
  readonly Size: number;
  readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null };
}

async function inspect(ids: readonly string[], api: EngineApi, signal: AbortSignal): Promise<Inspected> {
  const [id, ...others] = ids;
  const answer = await api.request({ path: `/images/${id}/json`, signal });
  if (answer.status === 404 && others.length > 0) return await inspect(others, api, signal);
  return parseResponse<Inspected>(answer, `show the image ${id}`);
}

/** The image as the engine has it: of the platform asked for, with the labels asked for. */
async function verify(
  request: BuildRequest,
  api: EngineApi,
  signal: AbortSignal,
): Promise<Omit<BuiltImage, 'ran'>> {
  const image = await inspect(candidates(request), api, signal);
  const labels = image.Config?.Labels ?? {};
  const wrong = Object.entries(request.labels).find(([name, value]) => labels[name] !== value);
  if (wrong !== undefined)
    throw new StepFailed(
      `the built image ${image.Id} does not carry the label ${wrong[0]} it was built with`,
    );
  const platform = `${image.Os}/${image.Architecture}`;
  if (!request.platform.startsWith(platform))
    throw new StepFailed(`the built image is for ${platform}, not ${request.platform}`);
  return { imageId: image.Id, bytes: image.Size };
}
