import type { Progress, TestRequest } from '../model/ports.ts';
import { type EngineApi, readJson } from './api.ts';
import { packFiles } from './archive.ts';

/**
 * Runs a program in a throw-away container of an image, with files put into it first (no bind mounts, so that a remote
 * engine works). The container is always removed, on abort too.
 */
export async function runInContainer(
  api: EngineApi,
  request: TestRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<{ exitCode: number }> {
  const archive = await packFiles(request.files);
  const created = await api.request({
    method: 'POST',
    path: '/containers/create',
    body: {
      Image: request.imageId,
      Entrypoint: [request.program],
      Cmd: [],
      Env: Object.entries(request.env).map(([name, value]) => `${name}=${value}`),
    },
    signal,
  });
  const { Id } = readJson<{ Id: string }>(created, 'create a container');
  try {
    readJson(
      await api.request({ method: 'PUT', path: `/containers/${Id}/archive?path=/`, body: archive, signal }),
      'copy the test in',
    );
    readJson(
      await api.request({ method: 'POST', path: `/containers/${Id}/start`, signal }),
      'start the test',
    );
    const logs = `/containers/${Id}/logs?follow=1&stdout=1&stderr=1`;
    await api.request({ path: logs, onData: readFrames(progress.line), signal });
    const waited = await api.request({ method: 'POST', path: `/containers/${Id}/wait`, signal });
    return { exitCode: readJson<{ StatusCode: number }>(waited, 'wait for the test').StatusCode };
  } finally {
    await api.request({ method: 'DELETE', path: `/containers/${Id}?force=1&v=1` });
  }
}

/** Takes the Engine API's stream of frames (8 bytes: stream, 0 0 0, length; then the data) apart into lines. */
function readFrames(onLine: (line: string) => void): (data: Buffer) => void {
  let buffer: Buffer = Buffer.alloc(0);
  const rest = new Map<number, string>();
  return (data) => {
    buffer = Buffer.concat([buffer, data]);
    while (buffer.length >= 8 && buffer.length >= 8 + buffer.readUInt32BE(4)) {
      const stream = buffer[0]!;
      const end = 8 + buffer.readUInt32BE(4);
      const lines = ((rest.get(stream) ?? '') + buffer.subarray(8, end).toString('utf8')).split('\n');
      buffer = buffer.subarray(end);
      rest.set(stream, lines.pop()!);
      for (const line of lines) onLine(line);
    }
  };
}
