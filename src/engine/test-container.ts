import { testOwnerLabel } from '../model/labels.ts';
import type { Owner } from '../model/owner.ts';
import type { Progress, TestRequest } from '../model/ports.ts';
import { type ApiRequest, type EngineApi, parseResponse } from './api.ts';
import { packFiles } from './archive.ts';
import type { ApiResponse } from './http-get.ts';
import { createLineReader, type LineReader } from './line-reader.ts';
import { withLivenessCheck } from './liveness.ts';
import type { Reaper } from './reaper.ts';

/**
 * Runs a program in a throw-away container of an image, with files put into it first (no bind mounts, so that a remote
 * engine works). The container is always removed, on abort too; by the reaper where this process ends before.
 */
export async function runTestContainer(
  api: EngineApi,
  request: TestRequest,
  progress: Progress,
  signal: AbortSignal,
  reaper: Reaper | undefined,
): Promise<{ exitCode: number }> {
  const archive = await packFiles(request.files);
  const name = nameOf(request.owner);
  reaper?.watch(name);
  try {
    return await withLivenessCheck(api, signal, (until) =>
      runNamed(api, name, { ...request, archive }, progress, until),
    );
  } finally {
    if (await remove(api, name, signal)) reaper?.release(name);
  }
}

function nameOf({ id }: Owner): string {
  return `tasks-test-${id}`;
}

async function runNamed(
  api: EngineApi,
  name: string,
  request: TestRequest & { readonly archive: Buffer },
  progress: Progress,
  signal: AbortSignal,
): Promise<{ exitCode: number }> {
  const created = await api.request({
    method: 'POST',
    path: `/containers/create?name=${name}`,
    body: {
      Image: request.imageId,
      Entrypoint: [request.program],
      Cmd: [],
      Env: Object.entries(request.env).map(([variable, value]) => `${variable}=${value}`),
      Labels: { [testOwnerLabel]: JSON.stringify(request.owner) },
      // The image's own would run beside the test.
      Healthcheck: { Test: ['NONE'] },
      // Some log drivers cannot be read, and json-file spoils characters that it cuts through. In one piece: it is read twice.
      HostConfig: {
        LogConfig: { Type: 'local', Config: { 'max-size': '1g', 'max-file': '1', compress: 'false' } },
      },
    },
    signal,
  });
  parseResponse(created, 'create a container');
  const ask = (what: Partial<ApiRequest>, path: string): Promise<ApiResponse> =>
    api.request({ method: 'POST', signal, ...what, path: `/containers/${name}/${path}` });
  parseResponse(await ask({ method: 'PUT', body: request.archive }, 'archive?path=/'), 'copy the test in');
  parseResponse(await ask({}, 'start'), 'start the test');
  const output = readFrames(progress.line);
  const logs = (follow: 0 | 1): Promise<ApiResponse> =>
    ask(
      { method: 'GET', onData: output.pass(), idleTimeoutMs: 'any' },
      `logs?follow=${follow}&stdout=1&stderr=1`,
    );
  parseResponse(await logs(1), "read the test's output");
  const waited = await ask({ idleTimeoutMs: 'any' }, 'wait');
  // What is followed, or attached to, may lack lines of the end, or all of a short test; what is kept by now does not.
  parseResponse(await logs(0), "read the test's output");
  output.end();
  return { exitCode: parseResponse<{ StatusCode: number }>(waited, 'wait for the test').StatusCode };
}

/** False where there was none (yet). An interrupt does not end the removal at once, but it leaves it little time. */
async function remove(api: EngineApi, name: string, signal: AbortSignal): Promise<boolean> {
  const path = `/containers/${name}?force=1&v=1`;
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const hurry = (): void => {
    timer = setTimeout(() => over.abort(signal.reason), api.timeouts.cleanup);
  };
  if (signal.aborted) hurry();
  else signal.addEventListener('abort', hurry, { once: true });
  try {
    const { status } = await api.request({ method: 'DELETE', path, signal: over.signal });
    return status < 300;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', hurry);
  }
}

/**
 * Removes containers of tests whose owner is gone: what a run left that was killed together with its reaper. A container is only
 * ours where name and label agree: labels alone are inherited from images.
 */
export async function removeOrphanedTests(
  api: EngineApi,
  isGone: (owner: Owner) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ label: [testOwnerLabel] }));
  const answer = await api.get(`/containers/json?all=1&filters=${filters}`, signal);
  type Listed = { Names: string[] | null; Labels: Record<string, string> | null };
  for (const { Names, Labels } of parseResponse<Listed[]>(answer, 'list its containers')) {
    const owner = parseOwner(Labels?.[testOwnerLabel]);
    if (owner === undefined || !Names?.includes(`/${nameOf(owner)}`) || !isGone(owner)) continue;
    // What cannot be removed now is tried again by the next run.
    await api.request({ method: 'DELETE', path: `/containers/${nameOf(owner)}?force=1&v=1`, signal });
  }
}

function parseOwner(text = ''): Owner | undefined {
  try {
    const owner = JSON.parse(text) as Partial<Owner> | null;
    const isOwner =
      /^[0-9a-f-]{36}$/.test(String(owner?.id)) &&
      typeof owner?.place === 'string' &&
      typeof owner.started === 'string' &&
      Number.isSafeInteger(owner.pid) &&
      owner.pid! > 0;
    return isOwner ? (owner as Owner) : undefined;
  } catch {
    // Not a label of ours.
    return undefined;
  }
}

/**
 * Takes the Engine API's streams of frames (8 bytes: stream, 0 0 0, length; then the data) apart into lines. Each pass reads
 * the same output from its beginning; what one before has read is not told again.
 */
function readFrames(onLine: (line: string) => void): { pass(): (data: Buffer) => void; end(): void } {
  const streams = new Map<number, { readonly reader: LineReader; taken: number }>();
  const take = (number: number, start: number, data: Buffer): void => {
    const stream = streams.get(number) ?? { reader: createLineReader(onLine), taken: 0 };
    streams.set(number, stream);
    const fresh = data.subarray(Math.max(0, stream.taken - start));
    stream.taken = Math.max(stream.taken, start + data.length);
    stream.reader.write(fresh);
  };
  return {
    pass() {
      let buffer: Buffer = Buffer.alloc(0);
      const positions = new Map<number, number>();
      return (data) => {
        buffer = Buffer.concat([buffer, data]);
        while (buffer.length >= 8 && buffer.length >= 8 + buffer.readUInt32BE(4)) {
          const number = buffer[0]!;
          const end = 8 + buffer.readUInt32BE(4);
          const position = positions.get(number) ?? 0;
          take(number, position, buffer.subarray(8, end));
          positions.set(number, position + end - 8);
          buffer = buffer.subarray(end);
        }
      };
    },
    end() {
      for (const { reader } of streams.values()) reader.end();
    },
  };
}
