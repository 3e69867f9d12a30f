import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../../src/engine/api.ts';
import { timeouts } from '../../../src/engine/timeouts.ts';
import { pullImage, pushImage } from '../../../src/engine/transfer.ts';
import { RegistryError } from '../../../src/model/registry.ts';

const test = suite('errors of a failed push');

/** Returns how an error message of the engine is classified. */
async function problemOf(engineError: string): Promise<string> {
  const request: EngineApi['request'] = async ({ onData }) => {
    const message = { errorDetail: { message: engineError }, error: engineError };
    onData?.(Buffer.from(`${JSON.stringify(message)}\r\n`));
    return { status: 200, body: Buffer.alloc(0) };
  };
  const api = { request, get: request, timeouts } as unknown as EngineApi;
  const progress = { step: () => undefined, line: () => undefined };
  const error = await pushImage(api, 'h:1/a:1', undefined, progress, new AbortController().signal).catch(
    (thrown: unknown) => thrown,
  );
  return error instanceof RegistryError ? error.problem : (error as Error).name;
}

test('temporary errors of the registry count as unreachable, permanent ones do not', async () => {
  const temporary = [
    'error parsing HTTP 429 response body: unexpected end of JSON input: ""',
    'error parsing HTTP 503 response body: invalid character',
    'received unexpected HTTP status: 429 Too Many Requests',
    'received unexpected HTTP status: 503 Service Unavailable',
    'toomanyrequests: You have reached your pull rate limit',
    'failed to do request: Head "http://h:1/v2/": EOF',
    'unexpected status from HEAD request to http://h:1/v2/a/blobs/sha256:1: 429 Too Many Requests',
  ];
  for (const message of temporary) assert.is(await problemOf(message), 'unreachable', message);
  for (const message of [
    'denied: requested access to the resource is denied',
    'unauthorized: authentication required',
  ])
    assert.is(await problemOf(message), 'denied', message);
  assert.is(await problemOf('layer does not exist'), 'StepFailed');
});

test('a manifest that lacks a layer, which another push is sending, is told apart', async () => {
  for (const message of [
    'failed commit on ref "manifest-sha256:1": unexpected status from PUT request to http://h:1/v2/a/manifests/1: 400 Bad Request',
    'error from registry: blob unknown to registry - sha256:1',
    'manifest blob unknown: blob unknown to registry',
  ])
    assert.is(await problemOf(message), 'broken', message);
  const request: EngineApi['request'] = async ({ onData }) => {
    onData?.(Buffer.from('{"error":"blob unknown to registry"}\r\n'));
    return { status: 200, body: Buffer.alloc(0) };
  };
  const api = { request, get: request, timeouts } as unknown as EngineApi;
  const progress = { step: () => undefined, line: () => undefined };
  const signal = new AbortController().signal;
  const pulled = pullImage(api, 'h:1/a@sha256:1', 'linux/amd64', undefined, progress, signal);
  const error = await pulled.catch((thrown: unknown) => thrown as Error);
  // Nothing sends layers during a pull.
  assert.is((error as Error).name, 'StepFailed');
});

test.run();
