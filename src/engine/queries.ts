import type { EngineImage } from '../model/ports.ts';
import { type EngineApi, errorMessageOf, parseResponse } from './api.ts';
import type { ApiResponse } from './http-get.ts';

const maxListAttempts = 10;

function isInconsistentList(response: ApiResponse): boolean {
  return response.status >= 300 && /content digest .* not found/.test(errorMessageOf(response));
}

/** Reads all images of the engine in one request. @throws TasksError */
export async function listImages(api: EngineApi): Promise<EngineImage[]> {
  type Listed = {
    Id: string;
    RepoTags: string[] | null;
    Labels: Record<string, string> | null;
    Size: number;
    Created: number;
  };
  let response = await api.get('/images/json');
  // The containerd image store fails if an image is removed while it lists them.
  for (let attempt = 1; attempt < maxListAttempts && isInconsistentList(response); attempt++)
    response = await api.get('/images/json');
  const listed = parseResponse<Listed[]>(response, 'list its images');
  return listed.map((image) => ({
    id: image.Id,
    tags: (image.RepoTags ?? []).filter((tag) => tag !== '<none>:<none>'),
    labels: image.Labels ?? {},
    bytes: image.Size,
    created: image.Created * 1000,
  }));
}

/** Returns whether an image has ONBUILD instructions; undefined if the engine does not have it for this platform. */
export async function readImageTriggers(
  api: EngineApi,
  reference: string,
  platform: string,
): Promise<boolean | undefined> {
  type Inspected = {
    Os: string;
    Architecture: string;
    Variant?: string;
    Config?: { OnBuild?: string[] | null };
  };
  // The reference is put into the request path unescaped.
  if (!/^[\w./:@-]+$/.test(reference)) return undefined;
  const response = await api.get(`/images/${reference}/json`);
  if (response.status === 404) return undefined;
  const { Os, Architecture, Variant, Config } = parseResponse<Inspected>(
    response,
    `inspect the image ${reference}`,
  );
  const platforms = [`${Os}/${Architecture}`, `${Os}/${Architecture}/${Variant}`];
  return platforms.includes(platform) ? (Config?.OnBuild?.length ?? 0) > 0 : undefined;
}

/** Reads which Dockerfile syntax the engine's built-in BuildKit supports: heredocs need docker 23 (API 1.42). */
export async function readCapabilities(api: EngineApi): Promise<{ version: string; heredocs: boolean }> {
  type Version = { Version: string; ApiVersion?: string };
  const response = await api.request({ path: '/version' });
  const { Version, ApiVersion = '0.0' } = parseResponse<Version>(response, 'report its version');
  const [major = 0, minor = 0] = ApiVersion.split('.').map(Number);
  return { version: Version, heredocs: major > 1 || minor >= 42 };
}

/** Reads the engine's version and platform. */
export async function readEngineVersion(
  api: EngineApi,
): Promise<{ version: string; os: string; arch: string }> {
  type Version = { Version: string; Os: string; Arch: string };
  const { Version, Os, Arch } = parseResponse<Version>(await api.get('/version'), 'report its version');
  return { version: Version, os: Os, arch: Arch };
}
