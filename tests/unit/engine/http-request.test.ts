import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { connect, type EngineApi } from '../../../src/engine/api.ts';
import { resolveEndpoint } from '../../../src/engine/endpoint.ts';
import { listImages } from '../../../src/engine/queries.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('HTTP/1.0 requests to the engine');

/** Starts an engine that sends these chunks to every request and closes the connection. */
async function startServer(chunks: readonly string[]): Promise<{ api: EngineApi; server: Server }> {
  const socket = path.join(tempFolder(), 'engine.sock');
  const server = createServer((stream) =>
    stream.once('data', () => {
      for (const chunk of chunks) stream.write(chunk);
      stream.end();
    }),
  );
  server.listen(socket);
  await once(server, 'listening');
  const api = connect(resolveEndpoint({ DOCKER_HOST: `unix://${socket}` }), {});
  return { api, server };
}

const body = JSON.stringify([{ Id: 'sha256:1', RepoTags: ['a:ü'], Labels: null, Size: 7, Created: 1 }]);
const head = 'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n';

test('a response can arrive in chunks of any size', async () => {
  const bytes = head + body;
  for (const chunks of [[bytes], [...bytes], [bytes.slice(0, 30), bytes.slice(30)]]) {
    const { api, server } = await startServer(chunks);
    assert.equal(await listImages(api), [
      { id: 'sha256:1', tags: ['a:ü'], labels: {}, bytes: 7, created: 1000 },
    ]);
    server.close();
  }
});

const badResponses: [string, string, number, RegExp][] = [
  ['a truncated response', (head + body).slice(0, -5), 3, /list its images: its response ended early/],
  ['an empty response', '', 3, /lost the connection .*: the connection was closed without a response/],
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', 3, /not HTTP/],
  [
    'a chunked response, which HTTP/1.0 does not have',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n`,
    3,
    /HTTP\/1.1/,
  ],
  ['an error status', 'HTTP/1.0 500 No\r\n\r\n{"message":"too hot"}', 1, /list its images: too hot/],
];
for (const [what, bytes, exitCode, message] of badResponses) {
  test(`${what} is an error`, async () => {
    const { api, server } = await startServer([bytes]);
    try {
      await listImages(api);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, TasksError);
      assert.is((error as TasksError).exitCode, exitCode);
      assert.match((error as TasksError).message, message);
    } finally {
      server.close();
    }
  });
}

test.run();
