import type { SolveResult } from '../buildkit/build.ts';
import { normalizePlatform } from '../model/platform.ts';
import { type BuildRequest, type BuiltImage, StepFailed } from '../model/ports.ts';
import { type EngineApi, parseResponse } from './api.ts';
import type { BuildTarget } from './build.ts';

interface InspectedImage {
  readonly Id: string;
  readonly Os: string;
  readonly Architecture: string;
  readonly Variant?: string;
  readonly Size: number;
  readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null };
}

/**
 * Docker's containerd image store names an untagged image by its digest. If two builds make the same image at the same moment, neither
 * finds that name, and only one of them can create it (moby/buildkit exporter/containerimage/export.go: Update, then Create).
 */
const untaggedExists = /^image "moby-dangling@sha256:[0-9a-f]{64}": already exists$/;

/** Returns the image store of a docker engine as the place where built images go. */
export function engineTarget(api: EngineApi): BuildTarget {
  const full = `the docker engine at ${api.address}`;
  return {
    name: { full, buildkit: `BuildKit in ${full}`, check: '`tasks doctor` to check the engine' },
    exporterFor: () => ({ kind: 'moby' }),
    isCollision: ({ message }) => untaggedExists.test(message),
    imageOf: (result, request, signal) => verifyBuiltImage(result, request, api, signal),
    checkAlive: async (signal) => void (await api.get('/_ping', signal)),
  };
}

/**
 * Returns the image that a build made, after comparing what the engine has under its ID with what was asked for.
 * @throws StepFailed if a label or the platform is another; TasksError if the engine cannot show the image
 */
export async function verifyBuiltImage(
  { digest, configDigest }: Pick<SolveResult, 'digest' | 'configDigest'>,
  request: BuildRequest,
  api: EngineApi,
  signal: AbortSignal,
): Promise<Omit<BuiltImage, 'ran'>> {
  if (digest === undefined)
    throw new StepFailed('the docker engine did not report the ID of the built image');
  const image = await inspect([digest, ...(configDigest === undefined ? [] : [configDigest])], api, signal);
  const labels = image.Config?.Labels ?? {};
  const wrong = Object.entries(request.labels).find(([name, value]) => labels[name] !== value);
  if (wrong !== undefined)
    throw new StepFailed(
      `the built image ${image.Id} does not carry the label ${wrong[0]} it was built with`,
    );
  const platform = [image.Os, image.Architecture, image.Variant].filter(Boolean).join('/');
  if (normalizePlatform(platform) !== normalizePlatform(request.platform))
    throw new StepFailed(`the built image is for ${platform}, not ${request.platform}`);
  const isOther = configDigest !== undefined && configDigest !== image.Id;
  return { imageId: image.Id, bytes: image.Size, ...(isOther ? { configDigest } : {}) };
}

/** The store decides which digest is the ID: the manifest's in containerd's image store, otherwise the config's. */
async function inspect(ids: readonly string[], api: EngineApi, signal: AbortSignal): Promise<InspectedImage> {
  const [id, ...others] = ids;
  const answer = await api.get(`/images/${id}/json`, signal);
  if (answer.status === 404 && others.length > 0) return await inspect(others, api, signal);
  return parseResponse<InspectedImage>(answer, `show the image ${id}`);
}
