import { TasksError } from '../model/errors.ts';
import { builtInFrontend } from '../model/frontend.ts';
import type { EngineAbilities, EngineImage } from '../model/ports.ts';
import { type EngineApi, errorMessageOf, parseResponse } from './api.ts';
import type { ApiResponse } from './http-request.ts';

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

/** What an engine says about itself. */
export interface EngineVersion {
  readonly version: string;
  /** The newest version of the Engine API that it speaks, for example `1.45`. */
  readonly apiVersion: string;
  readonly os: string;
  readonly arch: string;
}

/** Returns what an engine's own BuildKit supports. Named contexts and limits of RUN need docker 23 (API 1.42), which has BuildKit 0.10. */
export function abilitiesOf({ version, apiVersion, os, arch }: EngineVersion): EngineAbilities {
  const [major = 0, minor = 0] = apiVersion.split('.').map(Number);
  const isNew = major > 1 || minor >= 42;
  const frontend = builtInFrontend(version, apiVersion);
  return {
    version,
    platform: `${os}/${arch}`,
    ...(frontend === undefined ? {} : { frontend }),
    namedContexts: isNew,
    runLimits: isNew,
  };
}

/** Returns the ID of an image; undefined if the engine does not have it. */
export async function findImageId(api: EngineApi, reference: string): Promise<string | undefined> {
  const response = await api.get(`/images/${reference}/json`);
  if (response.status === 404) return undefined;
  return parseResponse<{ Id: string }>(response, `inspect the image ${reference}`).Id;
}

/** Reads the engine's version and platform. @throws TasksError exit 3 if it is podman, which has no BuildKit */
export async function readEngineVersion(api: EngineApi): Promise<EngineVersion> {
  type Version = {
    Version: string;
    ApiVersion?: string;
    Os: string;
    Arch: string;
    Components?: { Name?: string; Version?: string }[] | null;
  };
  const { Version, ApiVersion, Os, Arch, Components } = parseResponse<Version>(
    await api.get('/version'),
    'report its version',
  );
  const podman = Components?.find(({ Name }) => Name === 'Podman Engine');
  if (podman !== undefined) {
    throw new TasksError(
      3,
      `the engine at ${api.address} is podman ${podman.Version ?? Version}, which has no BuildKit`,
      {
        hint: 'start a docker engine, and set DOCKER_HOST to its address',
      },
    );
  }
  return { version: Version, apiVersion: ApiVersion ?? '0.0', os: Os, arch: Arch };
}

/** Where an engine keeps its images, for example `overlay2`. */
export interface StoreFacts {
  readonly kind: 'containerd' | 'graph driver';
  /** The snapshotter or the graph driver. */
  readonly driver: string;
}

/** Reads which of its two image stores the engine uses. */
export async function readImageStore(api: EngineApi): Promise<StoreFacts> {
  type Info = { Driver: string; DriverStatus?: [name: string, value: string][] | null };
  const { Driver, DriverStatus } = parseResponse<Info>(await api.get('/info'), 'report its settings');
  const isContainerd = DriverStatus?.some(([, value]) => value.startsWith('io.containerd.snapshotter'));
  return { kind: isContainerd ? 'containerd' : 'graph driver', driver: Driver };
}
