import { execFileSync } from 'node:child_process';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps, type ServerOptions } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import path from 'node:path';
import { createServer as createTls, type TLSSocket } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { connect } from '../../../src/engine/api.ts';
import { type Endpoint, resolveEndpoint } from '../../../src/engine/endpoint.ts';
import { listImages } from '../../../src/engine/queries.ts';
import { dialerOf } from '../../../src/engine/transport.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { type Certificates, hasOpenssl, makeCertificates } from '../../support/certificates.ts';
import { writeFiles } from '../../support/temp.ts';

const test = suite(`engines behind TLS${hasOpenssl ? '' : ' (skipped: openssl is not installed)'}`);
let authority: Certificates;
let server: { key: Buffer; cert: Buffer };
const servers: Server[] = [];
const check: typeof test.skip = hasOpenssl ? test : test.skip;

/** Starts a server on loopback and returns its address. */
async function listen(listener: Server): Promise<string> {
  servers.push(listener);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return `tcp://127.0.0.1:${(listener.address() as AddressInfo).port}`;
}

/** Starts an engine without images. `strict`: clients need a certificate of the authority. */
async function engine(options: ServerOptions & { strict?: boolean } = {}): Promise<string> {
  const { strict = false, ...rest } = options;
  const trust = { ca: authority.ca, requestCert: strict, rejectUnauthorized: strict };
  return await listen(
    createHttps({ ...server, ...trust, ...rest }, (_request, response) => {
      response.writeHead(200, { connection: 'close' }).end('[]');
    }),
  );
}

/** Connects with both HTTP clients, and compares what they say. Undefined: it works. */
async function assertEngine(endpoint: Endpoint, expected: RegExp | undefined): Promise<void> {
  const api = connect(endpoint, {});
  for (const work of [() => listImages(api), () => api.request({ method: 'POST', path: '/images/a/tag' })]) {
    const error = await work().then(
      () => undefined,
      (failure: TasksError) => failure,
    );
    if (expected === undefined) assert.is(error, undefined);
    else {
      assert.instance(error, TasksError);
      assert.is(error!.exitCode, 3);
      assert.match(error!.message, expected);
    }
  }
}

function byVariables(DOCKER_HOST: string, DOCKER_CERT_PATH: string, verify = true): Endpoint {
  const mode = verify ? { DOCKER_TLS_VERIFY: '1' } : { DOCKER_TLS: '1' };
  return resolveEndpoint({ DOCKER_HOST, DOCKER_CERT_PATH, ...mode });
}

test.before(() => {
  if (!hasOpenssl) return;
  authority = makeCertificates();
  server = authority.issue('server');
  authority.issue('client');
});
test.after(() => {
  for (const each of servers) each.close();
});

check(
  "an engine of a private authority works with the authority's certificate and a client certificate",
  async () => {
    const folder = authority.folderFor('client');
    await assertEngine(byVariables(await engine({ strict: true }), folder), undefined);
    await assertEngine(byVariables(await engine(), authority.folderFor()), undefined);
  },
);

check(
  'an engine that is not verified works with any certificate, and with a client certificate',
  async () => {
    const other = makeCertificates();
    const strange = { ...other.issue('strange', { altName: 'DNS:elsewhere', days: -1 }) };
    const host = await engine({ ...strange, strict: true });
    await assertEngine(byVariables(host, authority.folderFor('client'), false), undefined);
  },
);

check('an engine that is not trusted: each reason has its own words', async () => {
  const folder = authority.folderFor('client');
  const other = makeCertificates();
  const engines: [string, RegExp][] = [
    [
      await engine(other.issue('server')),
      /its certificate is not signed by an authority that is trusted here \(unable to/,
    ],
    [
      await engine(authority.issue('wrong', { altName: 'DNS:build.example' })),
      /its certificate is for another name\. .*127\.0\.0\.1/,
    ],
    [await engine(authority.issue('old', { days: -1 })), /its certificate, or .*, has expired/],
  ];
  for (const [host, reason] of engines) {
    const start = `^cannot connect to the docker engine at ${host} \\(DOCKER_HOST\\): `;
    await assertEngine(byVariables(host, folder), new RegExp(`${start}${reason.source}`));
  }
});

check(
  'an engine that refuses us says so: no client certificate, an unknown one, an expired one',
  async () => {
    const other = makeCertificates();
    other.issue('client');
    authority.issue('expired', { days: -1 });
    const unknown = other.folderFor('client');
    writeFiles(unknown, { 'ca.pem': authority.ca.toString() });
    const expired = authority.folderFor('expired');
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const host = await engine({ strict: true, maxVersion });
      const clients: [string, RegExp][] = [
        [authority.folderFor(), /it refuses the connection, which has no client certificate \(/],
        [
          unknown,
          new RegExp(`it refuses the connection with the client certificate ${unknown}/cert.pem \\(`),
        ],
        [expired, new RegExp(`the client certificate ${expired}/cert.pem expired on .*GMT`)],
      ];
      for (const [folder, reason] of clients) {
        await assertEngine(byVariables(host, folder), reason);
      }
    }
  },
);

check('TLS to a port without TLS, and the other way round', async () => {
  const plain = await listen(createHttp((_request, response) => response.end('[]')));
  await assertEngine(byVariables(plain, authority.folderFor()), /it does not use TLS on this port$/);
  // As Go's servers answer.
  const hint = 'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n';
  const secure = createHttp();
  secure.on('connection', (socket) => socket.removeAllListeners('data').once('data', () => socket.end(hint)));
  const api = connect(resolveEndpoint({ DOCKER_HOST: await listen(secure) }), {});
  const refused = await listImages(api).then(
    () => undefined,
    (failure: TasksError) => failure,
  );
  assert.is(refused?.exitCode, 3);
  assert.match(refused!.hint ?? '', 'DOCKER_TLS_VERIFY');
});

check('certificate files that are missing or damaged are named', async () => {
  const host = await engine();
  const damaged = (change: (folder: string) => void, verify = true): (() => Endpoint) => {
    return () => {
      const folder = authority.folderFor('client');
      change(folder);
      return byVariables(host, folder, verify);
    };
  };
  const remove = (name: string) => (folder: string) => execFileSync('rm', [path.join(folder, name)]);
  const write = (name: string, text: string) => (folder: string) => writeFiles(folder, { [name]: text });
  const encrypt = (folder: string): void => {
    const args = ['ec', '-aes256', '-passout', 'pass:x', '-in', 'key.pem', '-out', 'key.pem'];
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  };
  const faults: [() => Endpoint, RegExp][] = [
    [damaged(remove('ca.pem')), /the engine's certificate authority is missing: \/.*\/ca\.pem$/],
    [damaged(write('ca.pem', 'x')), /cannot use \/.*\/ca\.pem .*: expected certificates in PEM$/],
    [
      damaged(write('ca.pem', '-----BEGIN CERTIFICATE-----\neA==\n-----END CERTIFICATE-----\n')),
      /cannot use \/.*\/ca\.pem/,
    ],
    [damaged(remove('cert.pem')), /cannot use \/.*\/key\.pem .*: \/.*\/cert\.pem is missing$/],
    [damaged(remove('key.pem')), /cannot use \/.*\/cert\.pem .*: \/.*\/key\.pem is missing$/],
    [damaged(write('cert.pem', 'x'), false), /cannot use \/.*\/cert\.pem .*: expected certificates/],
    [damaged(write('key.pem', 'x'), false), /cannot use \/.*\/key\.pem .*: expected a private key in PEM$/],
    [damaged(encrypt), /cannot use \/.*\/key\.pem .*: expected a private key without a passphrase$/],
    [
      damaged(write('key.pem', authority.issue('another').key.toString())),
      /cannot use the client certificate in \/.* for the docker engine: /,
    ],
  ];
  for (const [endpoint, reason] of faults) {
    await assertEngine(endpoint(), reason);
  }
  const noAuthority = damaged(remove('ca.pem'), false)();
  // What is not verified needs no authority.
  await assertEngine(noAuthority, undefined);
});

check('HTTP/2 is asked for by ALPN only where it is the first thing that is sent', async () => {
  const asked: (string | false | null)[] = [];
  const listener = createTls({ ...server, ALPNProtocols: ['h2'] }, (socket: TLSSocket) => {
    asked.push(socket.alpnProtocol);
    socket.end();
  });
  const endpoint = byVariables(await listen(listener), authority.folderFor());
  const dial = dialerOf(endpoint, {});
  for (const entry of ['direct', 'upgrade', undefined] as const) {
    const transport = await dial(entry);
    await new Promise((resolve) => transport.resume().once('close', resolve));
  }
  assert.equal(asked, ['h2', false, false]);
});

test.run();
