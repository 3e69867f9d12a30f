import { failureCause } from '../model/failure-cause.ts';
import { type Progress, StepFailed } from '../model/ports.ts';
import { type Credentials, RegistryError } from '../model/registry.ts';
import { type EngineApi, errorMessageOf, parseResponse } from './api.ts';
import type { ApiResponse } from './http-request.ts';
import { createMessageReader, type EngineMessage, trackLayers } from './layer-progress.ts';
import { withLivenessCheck } from './liveness.ts';

/**
 * Pushes a tag to its registry and returns the digest of the manifest there.
 * @throws RegistryError `denied`, `missing`, `unreachable`, or `broken` if the registry misses a layer; StepFailed for other failures
 */
export async function pushImage(
  api: EngineApi,
  tag: string,
  credentials: Credentials | undefined,
  progress: Progress,
  signal: AbortSignal,
): Promise<string> {
  const { name, rest } = splitReference(tag);
  const path = `/images/${name}/push?${new URLSearchParams({ tag: rest })}`;
  let digest: string | undefined;
  const reportLayers = trackLayers('uploading', progress);
  await transfer(api, { path, kind: 'push', name: tag, credentials, signal }, (message) => {
    digest = message.aux?.Digest ?? parseDigest(message) ?? digest;
    reportLayers(message);
  });
  if (digest !== undefined) return digest;
  throw new StepFailed(`the docker engine pushed ${tag}, but did not report its digest`);
}

/** With the containerd image store, only the last status line has the digest: `1.0: digest: sha256:… size: 481`. */
function parseDigest({ status = '' }: EngineMessage): string | undefined {
  return /(?:^|\s)digest: (sha256:[0-9a-f]{64}) size: \d+$/.exec(status)?.[1];
}

/** Pulls `repo@sha256:…` for a platform and returns the image's id in the engine. @throws as `pushImage` does */
export async function pullImage(
  api: EngineApi,
  image: string,
  platform: string,
  credentials: Credentials | undefined,
  progress: Progress,
  signal: AbortSignal,
): Promise<string> {
  const { name, rest } = splitReference(image);
  const path = `/images/create?${new URLSearchParams({ fromImage: name, tag: rest, platform })}`;
  await transfer(
    api,
    { path, kind: 'pull', name: image, credentials, signal },
    trackLayers('downloading', progress),
  );
  const response = await api.request({ path: `/images/${image}/json`, signal });
  return parseResponse<{ Id: string }>(response, `inspect the image ${image}`).Id;
}

interface Transfer {
  readonly path: string;
  readonly kind: 'push' | 'pull';
  /** The image, as messages name it. */
  readonly name: string;
  readonly credentials: Credentials | undefined;
  readonly signal: AbortSignal;
}

async function transfer(
  api: EngineApi,
  { path, kind, name, credentials, signal }: Transfer,
  onMessage: (message: EngineMessage) => void,
): Promise<void> {
  let problem: string | undefined;
  const reader = createMessageReader((message) => {
    problem = message.errorDetail?.message ?? message.error ?? problem;
    onMessage(message);
  });
  const response: ApiResponse = await withLivenessCheck(api, signal, (workSignal) =>
    api.request({
      method: 'POST',
      path,
      headers: { 'x-registry-auth': authHeader(credentials) },
      onData: (data) => reader.write(data),
      signal: workSignal,
      idleTimeoutMs: api.timeouts.transfer,
    }),
  );
  if (response.status >= 300) problem = errorMessageOf({ ...response, body: reader.end() });
  if (problem !== undefined) throw asError(kind, name, removeSecrets(problem, credentials));
}

/** Encodes credentials as base64url with padding; older engines ignore credentials without padding. */
function authHeader(credentials: Credentials | undefined): string {
  const auth =
    credentials !== undefined && 'identityToken' in credentials
      ? { identitytoken: credentials.identityToken }
      : (credentials ?? {});
  const text = Buffer.from(JSON.stringify(auth), 'utf8').toString('base64');
  return text.replaceAll('+', '-').replaceAll('/', '_');
}

/**
 * What registries answer to a manifest if they do not have its layers. Pushes of several images to one repository at the same time can
 * fail like this, because one of them relies on a layer that another one is still sending (containerd/nerdctl#2404).
 */
const missingLayer = /blob unknown|\/manifests\/\S+: 400 Bad Request/i;

function asError(kind: Transfer['kind'], name: string, problem: string): Error {
  const message = `the docker engine could not ${kind} ${name}: ${problem}`;
  if (kind === 'push' && missingLayer.test(problem))
    return new RegistryError('broken', message, { hint: 'push again: layers that were sent are kept' });
  const cause = failureCause({ said: problem, ofImage: true });
  if (cause === 'credentials')
    return new RegistryError('denied', message, { hint: 'run `docker login`, or ask for permission' });
  if (cause === 'registry') return new RegistryError('missing', message, { hint: 'check the name' });
  if (cause === 'network')
    return new RegistryError('unreachable', message, {
      hint: 'check that the registry is running and that the engine can connect to it',
    });
  return new StepFailed(message, { cause });
}

/** Removes passwords and tokens, and the query strings of URLs, which can hold signatures that grant access. */
function removeSecrets(text: string, credentials: Credentials | undefined): string {
  const secrets = Object.entries(credentials ?? {})
    .filter(([name]) => name !== 'username')
    .map(([, value]) => value as string);
  return secrets
    .filter((secret) => secret !== '')
    .reduce(
      (rest, secret) => rest.replaceAll(secret, '***'),
      text.replace(/(https?:\/\/[^\s"'?]*)\?[^\s"']*/g, '$1'),
    );
}

/** Splits `localhost:5000/team/app:1.0` or `…@sha256:…` into the repository, and the tag or digest (`rest`). */
export function splitReference(text: string): { name: string; rest: string } {
  const at = text.indexOf('@');
  const end = at >= 0 ? at : text.lastIndexOf(':');
  return { name: text.slice(0, end), rest: text.slice(end + 1) };
}
