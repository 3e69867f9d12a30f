import { type Progress, StepFailed } from '../model/ports.ts';
import { type Credentials, RegistryError } from '../model/registry.ts';
import { type EngineApi, errorMessageOf, parseResponse } from './api.ts';
import type { ApiResponse } from './http-get.ts';
import { createMessageReader, type EngineMessage, trackLayers } from './layer-progress.ts';
import { withLivenessCheck } from './liveness.ts';

/**
 * Pushes the image under a tag to that tag's registry; returns the digest of its manifest there.
 * @throws RegistryError `denied` or `unreachable`; StepFailed for whatever else stops it
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
  const layers = trackLayers('uploading', progress);
  await transfer(api, { path, what: `push ${tag}`, credentials, signal }, (message) => {
    digest = message.aux?.Digest ?? digestIn(message) ?? digest;
    layers(message);
  });
  if (digest !== undefined) return digest;
  throw new StepFailed(`the docker engine pushed ${tag}, but did not say as which digest`);
}

/** Engines whose images live in containerd's store tell it in their last line alone: `1.0: digest: sha256:… size: 481`. */
function digestIn({ status = '' }: EngineMessage): string | undefined {
  return /(?:^|\s)digest: (sha256:[0-9a-f]{64}) size: \d+$/.exec(status)?.[1];
}

/** Pulls `repo@sha256:…`; returns the image's id in the engine. @throws as a push does, RegistryError `missing` too */
export async function pullImage(
  api: EngineApi,
  image: string,
  credentials: Credentials | undefined,
  progress: Progress,
  signal: AbortSignal,
): Promise<string> {
  const { name, rest } = splitReference(image);
  const path = `/images/create?${new URLSearchParams({ fromImage: name, tag: rest })}`;
  await transfer(
    api,
    { path, what: `pull ${image}`, credentials, signal },
    trackLayers('downloading', progress),
  );
  const answer = await api.request({ path: `/images/${image}/json`, signal });
  return parseResponse<{ Id: string }>(answer, `show the image ${image}`).Id;
}

interface Transfer {
  readonly path: string;
  readonly what: string;
  readonly credentials: Credentials | undefined;
  readonly signal: AbortSignal;
}

async function transfer(
  api: EngineApi,
  { path, what, credentials, signal }: Transfer,
  onMessage: (message: EngineMessage) => void,
): Promise<void> {
  let problem: string | undefined;
  const reader = createMessageReader((message) => {
    problem = message.errorDetail?.message ?? message.error ?? problem;
    onMessage(message);
  });
  const answer: ApiResponse = await withLivenessCheck(api, signal, (until) =>
    api.request({
      method: 'POST',
      path,
      headers: { 'x-registry-auth': authHeader(credentials) },
      onData: (data) => reader.data(data),
      signal: until,
      idleTimeoutMs: api.timeouts.transfer,
    }),
  );
  if (answer.status >= 300) problem = errorMessageOf({ ...answer, body: reader.all() });
  if (problem !== undefined) throw asError(what, withoutSecrets(problem, credentials));
}

/** As the engine wants them: base64 for URLs, but padded; older engines take what is not for nobody at all. */
function authHeader(credentials: Credentials | undefined): string {
  const auth =
    credentials !== undefined && 'identityToken' in credentials
      ? { identitytoken: credentials.identityToken }
      : (credentials ?? {});
  const text = Buffer.from(JSON.stringify(auth), 'utf8').toString('base64');
  return text.replaceAll('+', '-').replaceAll('/', '_');
}

const denied =
  /denied|unauthorized|authentication required|no basic auth|insufficient_scope|forbidden|incorrect username|\b40[13]\b/i;
const missing = /manifest unknown|manifest for .* not found|: not found|repository .* not found/i;
const unreachable =
  /dial tcp|connection re(fused|set)|no such host|time-?out|deadline exceeded|\bEOF\b|network is unreachable|broken pipe|x509|tls:|HTTP response to HTTPS|HTTP (?:status:? )?(?:429|5\d\d)|\b429 too|toomanyrequests|\b50[0234]\b|too ?many ?requests|internal error|service unavailable/i;

function asError(what: string, said: string): Error {
  const message = `the docker engine could not ${what}: ${said}`;
  if (denied.test(said))
    return new RegistryError('denied', message, { hint: 'log in (docker login), or ask for permission' });
  if (missing.test(said)) return new RegistryError('missing', message, { hint: 'check the name' });
  if (unreachable.test(said))
    return new RegistryError('unreachable', message, {
      hint: 'check the network, and whether the registry runs and can be reached from the engine',
    });
  return new StepFailed(message);
}

/** What follows a `?` in an address may let in whoever reads it. */
function withoutSecrets(text: string, credentials: Credentials | undefined): string {
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

/** `localhost:5000/team/app:1.0` or `…@sha256:…` → the repository, and its tag or digest. */
export function splitReference(text: string): { name: string; rest: string } {
  const at = text.indexOf('@');
  const end = at >= 0 ? at : text.lastIndexOf(':');
  return { name: text.slice(0, end), rest: text.slice(end + 1) };
}
