import { failureCause } from '../model/failure-cause.ts';
import { testOwnerLabel } from '../model/labels.ts';
import type { OutputStream } from '../model/last-lines.ts';
import { createLineReader, type LineReader } from '../model/line-reader.ts';
import type { Owner } from '../model/owner.ts';
import { type Progress, StepFailed, type TestRequest, type TestResult } from '../model/ports.ts';
import { type ApiRequest, type EngineApi, errorMessageOf, parseResponse } from './api.ts';
import { packFiles } from './archive.ts';
import type { ApiResponse } from './http-request.ts';
import { withLivenessCheck } from './liveness.ts';
import type { Reaper } from './reaper.ts';

/**
 * Runs an image's test in a temporary container and returns its exit code. The test's files are copied in, not bind-mounted,
 * so that a remote engine works. The container is always removed, on abort too; if this process ends first, the reaper does it.
 * @throws StepFailed if the test cannot be started; TasksError if the engine refuses another request or stops responding; the
 * signal's reason
 */
export async function runTestContainer(
  api: EngineApi,
  request: TestRequest,
  progress: Progress,
  signal: AbortSignal,
  reaper: Reaper | undefined,
): Promise<TestResult> {
  const archive = await packFiles(request.files);
  const name = containerName(request.owner);
  reaper?.watch(name);
  try {
    return await withLivenessCheck(api, signal, (workSignal) =>
      createAndRun(api, name, { ...request, archive }, progress, workSignal),
    );
  } finally {
    if (await remove(api, name, signal)) reaper?.release(name);
  }
}

function containerName({ id }: Owner): string {
  return `tasks-test-${id}`;
}

async function createAndRun(
  api: EngineApi,
  name: string,
  request: TestRequest & { readonly archive: Buffer },
  progress: Progress,
  signal: AbortSignal,
): Promise<TestResult> {
  const created = await api.request({
    method: 'POST',
    path: `/containers/create?name=${name}`,
    body: {
      Image: request.imageId,
      Entrypoint: [request.program],
      Cmd: [],
      Env: Object.entries(request.env).map(([variable, value]) => `${variable}=${value}`),
      Labels: { [testOwnerLabel]: JSON.stringify(request.owner) },
      // The image's own health check would run during the test.
      Healthcheck: { Test: ['NONE'] },
      // Some log drivers cannot be read back, and json-file corrupts characters that it splits. One file only: the log is read
      // twice, and rotation would drop its start.
      HostConfig: {
        LogConfig: { Type: 'local', Config: { 'max-size': '1g', 'max-file': '1', compress: 'false' } },
      },
    },
    signal,
  });
  parseResponse(created, 'create a container');
  const send = (options: Partial<ApiRequest>, path: string): Promise<ApiResponse> =>
    api.request({ method: 'POST', signal, ...options, path: `/containers/${name}/${path}` });
  const copied = await send({ method: 'PUT', body: request.archive }, 'archive?path=/');
  parseResponse(copied, 'copy the test into its container');
  const started = await send({}, 'start');
  if (started.status >= 300) throw startFailure(errorMessageOf(started));
  const ranOutOfMemory = async (): Promise<boolean> => {
    const state = parseResponse<{ State: { OOMKilled?: boolean } }>(
      await send({ method: 'GET' }, 'json'),
      'inspect the test',
    );
    return state.State.OOMKilled === true;
  };
  const output = createFrameReader(progress.line);
  const readLogs = (follow: 0 | 1): Promise<ApiResponse> =>
    send(
      { method: 'GET', onData: output.startPass(), idleTimeoutMs: 'none' },
      `logs?follow=${follow}&stdout=1&stderr=1`,
    );
  parseResponse(await readLogs(1), "read the test's output");
  const exited = await send({ idleTimeoutMs: 'none' }, 'wait');
  // A followed log may lack its last lines, or all of them if the test is short; the log read after the end is complete.
  parseResponse(await readLogs(0), "read the test's output");
  output.end();
  const { StatusCode: exitCode } = parseResponse<{ StatusCode: number }>(exited, 'wait for the test');
  return exitCode === killed && (await ranOutOfMemory()) ? { exitCode, outOfMemory: true } : { exitCode };
}

/** The exit code after SIGKILL. */
const killed = 137;

/** The engine starts a container in the end by running its program, and reports why it could not. */
function startFailure(said: string): StepFailed {
  return new StepFailed(`the docker engine could not start the test: ${said}`, {
    cause: failureCause({ output: [said] }),
  });
}

/**
 * Removes a container; returns false if it does not exist (yet). An abort of `signal` does not stop the removal, but limits the
 * time it may still take.
 */
async function remove(api: EngineApi, name: string, signal: AbortSignal): Promise<boolean> {
  const path = `/containers/${name}?force=1&v=1`;
  const timedOut = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const startTimer = (): void => {
    timer = setTimeout(() => timedOut.abort(signal.reason), api.timeouts.cleanup);
  };
  if (signal.aborted) startTimer();
  else signal.addEventListener('abort', startTimer, { once: true });
  try {
    const { status } = await api.request({ method: 'DELETE', path, signal: timedOut.signal });
    return status < 300;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', startTimer);
  }
}

/**
 * Removes test containers whose owner is gone, which happens if a run is killed together with its reaper. Both name and label
 * must match: the label alone can be inherited from an image.
 */
export async function removeOrphanedTests(
  api: EngineApi,
  isGone: (owner: Owner) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ label: [testOwnerLabel] }));
  const response = await api.get(`/containers/json?all=1&filters=${filters}`, signal);
  type Listed = { Names: string[] | null; Labels: Record<string, string> | null };
  for (const { Names, Labels } of parseResponse<Listed[]>(response, 'list its containers')) {
    const owner = parseOwner(Labels?.[testOwnerLabel]);
    if (owner === undefined || !Names?.includes(`/${containerName(owner)}`) || !isGone(owner)) continue;
    // If the removal fails, the next run tries again.
    await api.request({ method: 'DELETE', path: `/containers/${containerName(owner)}?force=1&v=1`, signal });
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
    // Not a label that tasks wrote.
    return undefined;
  }
}

/**
 * Splits the frames of the Engine API's log stream (8 bytes: stream number, 0 0 0, length; then the data) into lines. Each pass
 * reads the same output from its start; bytes that an earlier pass has read are skipped.
 */
function createFrameReader(onLine: (line: string, stream: OutputStream) => void): {
  startPass(): (data: Buffer) => void;
  end(): void;
} {
  const streams = new Map<number, { readonly reader: LineReader; bytesRead: number }>();
  const read = (number: number, start: number, data: Buffer): void => {
    const name = number === 2 ? 'stderr' : 'stdout';
    const stream = streams.get(number) ?? {
      reader: createLineReader((line) => onLine(line, name)),
      bytesRead: 0,
    };
    streams.set(number, stream);
    const unread = data.subarray(Math.max(0, stream.bytesRead - start));
    stream.bytesRead = Math.max(stream.bytesRead, start + data.length);
    stream.reader.write(unread);
  };
  return {
    startPass() {
      let buffer: Buffer = Buffer.alloc(0);
      const positions = new Map<number, number>();
      return (data) => {
        buffer = Buffer.concat([buffer, data]);
        while (buffer.length >= 8 && buffer.length >= 8 + buffer.readUInt32BE(4)) {
          const number = buffer[0]!;
          const end = 8 + buffer.readUInt32BE(4);
          const position = positions.get(number) ?? 0;
          read(number, position, buffer.subarray(8, end));
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
