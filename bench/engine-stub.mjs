// Answers GET /images/json on a socket like the Engine API, for workspaces with too many images to build:
// `node engine-stub.mjs SOCKET IMAGES.json`. Prints `ready` when it listens.
import { readFileSync, rmSync } from 'node:fs';
import http from 'node:http';

const [, , socket, images] = process.argv;
rmSync(socket, { force: true });
const body = readFileSync(images);
const server = http.createServer((request, response) => {
  const isList = request.method === 'GET' && request.url.startsWith('/images/json');
  response.writeHead(isList ? 200 : 404, { 'content-type': 'application/json' });
  response.end(isList ? body : '{"message":"not here"}');
});
server.listen(socket, () => process.stdout.write('ready\n'));
