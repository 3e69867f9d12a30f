import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { connect, type EngineApi, listImages } from '../../../src/engine/api.ts';
import { resolveEndpoint } from '../../../src/engine/endpoint.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('asking the engine for its images');

/** An engine that answers everything with these bytes, in these pieces, and ends the connection. */
async function answering(pieces: readonly string[]): Promise<{ api: EngineApi; server: Server }> {
  const socket = path.join(tempFolder(), 'engine.sock');
  const server = createServer((stream) =>
    stream.once('data', () => {
      for (const piece of pieces) stream.write(piece);
      stream.end();
    }),
  );
  server.listen(socket);
  await once(server, 'listening');
  const api = connect(resolveEndpoint({ DOCKER_HOST: `unix://${socket}` }), () => {
    throw new Error('not to be dialled');
  });
  return { api, server };
}

const body = JSON.stringify([{ Id: 'sha256:1', RepoTags: ['a:ü'], Labels: null, Size: 7, Created: 1 }]);
const head = 'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n';

test('an answer in one piece, or cut anywhere', async () => {
  const bytes = head + body;
  for (const pieces of [[bytes], [...bytes], [bytes.slice(0, 30), bytes.slice(30)]]) {
    const { api, server } = await answering(pieces);
    assert.equal(await listImages(api), [
      { id: 'sha256:1', tags: ['a:ü'], labels: {}, bytes: 7, created: 1000 },
    ]);
    server.close();
  }
});

const broken: [string, string, number, RegExp][] = [
  ['an answer that breaks off', (head + body).slice(0, -5), 3, /broke off/],
  ['no answer', '', 3, /broke off: what it said is no HTTP/],
  ['something else', 'SSH-2.0-OpenSSH_9.2\r\n', 3, /no HTTP/],
  [
    'an answer in chunks, which HTTP/1.0 has not',
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n`,
    3,
    /HTTP\/1.1/,
  ],
  ['an error', 'HTTP/1.0 500 No\r\n\r\n{"message":"too hot"}', 1, /list its images: too hot/],
];
for (const [what, bytes, exitCode, said] of broken) {
  test(`${what}: an error, and no images`, async () => {
    const { api, server } = await answering([bytes]);
    try {
      await listImages(api);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, TasksError);
      assert.is((error as TasksError).exitCode, exitCode);
      assert.match((error as TasksError).message, said);
    } finally {
      server.close();
    }
  });
}

test.run();
