import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EngineLost } from '../../../src/buildkit/engine-lost.ts';
import { UpgradeRefused } from '../../../src/buildkit/upgrade.ts';
import { explainUnreachable } from '../../../src/engine/buildkit-problem.ts';

const test = suite('why BuildKit cannot be reached');

/** What is said about this answer to `POST /grpc`. */
function explain(head: string, body = ''): string {
  const cause = new UpgradeRefused('/grpc', head, body);
  const { message, hint } = explainUnreachable(new EngineLost('unreachable', cause.message, { cause }));
  return `${message}\n${hint}`;
}

test('a proxy that refuses the connection', () => {
  assert.match(explain('HTTP/1.0 403 Forbidden\r\nCache-Control: no-cache'), /^a proxy in front .* refuses/);
  assert.match(
    explain('HTTP/1.1 502 Bad Gateway\r\nserver: nginx/1.22'),
    /^a proxy \(nginx\/1\.22\) in front/,
  );
});

test('a proxy that drops the header: the answer is the engine’s', () => {
  assert.match(
    explain(
      'HTTP/1.1 500 Internal Server Error\r\nServer: Docker/26.1.5 (linux)',
      '{"message":"no upgrade proto in request"}\n',
    ),
    /^a proxy in front of the engine does not pass on the Upgrade header of BuildKit's connection/,
  );
});

test('an engine that refuses the connection itself, or does not know it', () => {
  assert.match(
    explain('HTTP/1.1 403 Forbidden\r\nServer: Docker/26.1.5 (linux)', '{"message":"authz: no"}\n'),
    /^the engine refuses .*\(POST \/grpc: 403 Forbidden\): \{"message":"authz: no"\}\ncheck its authorization plug-ins$/,
  );
  assert.match(explain('HTTP/1.1 404 Not Found'), /^the engine is older than docker 18\.09, or a proxy/);
});

test('anything else is said as it is', () => {
  assert.match(explain('SSH-2.0-OpenSSH'), /^POST \/grpc: no HTTP response\nrun `tasks doctor`/);
  const { message } = explainUnreachable(new EngineLost('unreachable', 'connect ENOENT /s'));
  assert.is(message, 'connect ENOENT /s');
});

test.run();
