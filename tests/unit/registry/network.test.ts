// Proxies, certificates and TLS. The servers run on loopback and are reached by other names through a proxy.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openClient } from '../../../src/registry/client.ts';
import { dockerNetwork, type NetworkOptions } from '../../../src/registry/network.ts';
import { proxyFor } from '../../../src/registry/proxy.ts';
import { parseReference } from '../../../src/registry/reference.ts';
import { registryErrorOf } from '../../support/registry-error.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('registry network');

test('finds the proxy for a URL by its scheme, in upper or lower case, unless NO_PROXY lists the host', () => {
  const proxyOf = (url: string, environment: Record<string, string>) =>
    proxyFor(new URL(url), environment)?.href;
  const both = { HTTPS_PROXY: 'http://s:1', HTTP_PROXY: 'p:2' };
  assert.is(proxyOf('https://a.example', both), 'http://s:1/');
  assert.is(proxyOf('http://a.example', both), 'http://p:2/');
  assert.is(proxyOf('https://a.example', { https_proxy: 'http://u:p@s:1' }), 'http://u:p@s:1/');
  assert.is(proxyOf('https://a.example', {}), undefined);
  for (const own of ['https://localhost:5000', 'http://127.0.0.1:5000', 'https://[::1]:5000'])
    assert.is(proxyOf(own, both), undefined);
  const without = (url: string, NO_PROXY: string): boolean =>
    proxyOf(url, { ...both, NO_PROXY }) === undefined;
  const yes: [string, string][] = [
    ['https://a.example', '*'],
    ['https://a.example', 'b.example, a.example'],
    ['https://A.example', 'a.EXAMPLE'],
    ['https://x.a.example', 'a.example'],
    ['https://x.a.example', '.a.example'],
    ['https://x.a.example', '*.a.example'],
    ['https://a.example:5000', 'a.example:5000'],
    ['https://a.example', 'a.example:443'],
    ['https://10.1.2.3', '10.0.0.0/8'],
    ['https://10.1.2.3:99', '10.1.2.3'],
    ['https://[fd00::1]', 'fd00::/8'],
    ['https://[fd00::1]:5000', '[fd00::1]:5000'],
  ];
  for (const [url, text] of yes) assert.ok(without(url, text), `${url} by ${text}`);
  const no: [string, string][] = [
    ['https://a.example', ''],
    ['https://a.example', ',,'],
    ['https://a.example', '.a.example'],
    ['https://ba.example', 'a.example'],
    ['https://a.example', 'a.example:5000'],
    ['https://11.1.2.3', '10.0.0.0/8'],
    ['https://a.example', '10.0.0.0/8'],
    ['https://10.1.2.3', '10.0.0.0/99'],
    ['https://a.example', '[:/:]:x/'],
  ];
  for (const [url, text] of no) assert.not.ok(without(url, text), `${url} by ${text}`);
});

test('reports an invalid proxy without printing it', () => {
  for (const value of ['socks5://u:s3cret@h:1', 'http://u:s3cret@', 'http://u:s3cret@h:99999999'])
    try {
      proxyFor(new URL('https://a.example'), { HTTPS_PROXY: value });
      assert.unreachable(value);
    } catch (error) {
      assert.match((error as Error).message, /^HTTPS_PROXY is not a valid proxy URL/);
      assert.not.match(JSON.stringify(error), /s3cret/);
    }
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const manifest = '{"schemaVersion":2}';
const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;

/** Responds to every request with the same manifest. */
const handler: http.RequestListener = (request, response) => {
  request.resume();
  const type = 'application/vnd.oci.image.manifest.v1+json';
  response.writeHead(200, { 'content-type': type, 'docker-content-digest': digest }).end(manifest);
};

const servers = new Set<Server>();
const sockets = new Set<Socket>();
async function listen(server: Server): Promise<number> {
  servers.add(server);
  server.on('connection', (socket) => sockets.add(socket.on('error', () => undefined)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
test.after(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
});

/** Creates a self-signed certificate. */
function certificate(): { folder: string; cert: string; key: string } {
  const folder = tempFolder();
  const names = 'subjectAltName=DNS:registry.example,DNS:localhost,IP:127.0.0.1';
  const made = spawnSync(
    'openssl',
    `req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem -subj /CN=registry.example -addext ${names}`.split(
      ' ',
    ),
    { cwd: folder },
  );
  assert.is(made.status, 0, made.stderr?.toString());
  const read = (name: string): string => readFileSync(path.join(folder, name), 'utf8');
  return { folder, cert: read('cert.pem'), key: read('key.pem') };
}

/** Starts a proxy that forwards everything to one port. `seen`: its requests. */
async function proxyTo(port: number, authorization?: string): Promise<{ address: string; seen: string[] }> {
  const seen: string[] = [];
  const isAuthorized = (request: http.IncomingMessage): boolean =>
    authorization === undefined || request.headers['proxy-authorization'] === authorization;
  const server = http.createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    request.resume();
    if (!isAuthorized(request)) return void response.writeHead(407).end();
    handler(request, response);
  });
  server.on('connect', (request, socket) => {
    seen.push(`CONNECT ${request.url}`);
    if (!isAuthorized(request)) return void socket.end('HTTP/1.1 407 Who\r\ncontent-length: 0\r\n\r\n');
    const to = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      to.pipe(socket).pipe(to);
    });
    to.on('error', () => socket.destroy());
    socket.on('error', () => to.destroy());
  });
  return { address: `127.0.0.1:${await listen(server)}`, seen };
}

const timing = { now: Date.now, sleep: async () => undefined, random: () => 0.5 };

async function head(
  host: string,
  environment: Record<string, string>,
  more: Partial<NetworkOptions> = {},
): Promise<string | undefined> {
  const signal = more.signal ?? new AbortController().signal;
  const client = openClient({
    credentials: async () => undefined,
    timing,
    signal,
    timeoutMs: 2_000,
    tries: 2,
    network: dockerNetwork({
      environment,
      signal,
      timeoutMs: 2_000,
      certFolders: [],
      daemonFiles: [],
      ...more,
    }),
  });
  return await client.head(parseReference(`${host}/team/app:1`));
}

test('reaches this machine with TLS and any certificate if the registry uses TLS, otherwise with HTTP', async () => {
  if (hasOpenssl) {
    const { cert, key } = certificate();
    const port = await listen(https.createServer({ cert, key }, handler));
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`]) assert.is(await head(host, {}), digest);
  }
  const port = await listen(http.createServer(handler));
  assert.is(await head(`127.0.0.1:${port}`, {}), digest);
});

if (!hasOpenssl) test.skip('openssl is not installed');
else {
  test("trusts a private CA from SSL_CERT_FILE, SSL_CERT_DIR or docker's folder for the host only", async () => {
    const { folder, cert, key } = certificate();
    const port = await listen(https.createServer({ cert, key }, handler));
    const { address, seen } = await proxyTo(port);
    const proxy = { HTTPS_PROXY: `http://${address}` };
    const error = await registryErrorOf(head('registry.example', proxy));
    assert.match(error.message, /registry\.example cannot be reached: DEPTH_ZERO_SELF_SIGNED_CERT/);
    assert.match(error.hint!, /certs\.d\/registry\.example|SSL_CERT_FILE/);
    assert.is(
      await head('registry.example', { ...proxy, SSL_CERT_FILE: path.join(folder, 'cert.pem') }),
      digest,
    );
    assert.is(await head('registry.example', { ...proxy, SSL_CERT_DIR: folder }), digest);
    const certs = tempFolder();
    writeFiles(certs, { 'registry.example:5000/ca.crt': cert, 'other.example/ca.crt': cert });
    assert.is(await head('registry.example:5000', proxy, { certFolders: [certs] }), digest);
    await registryErrorOf(head('registry.example', proxy, { certFolders: [certs] }));
    assert.equal([...new Set(seen)].sort(), [
      'CONNECT registry.example:443',
      'CONNECT registry.example:5000',
    ]);
  });

  test('presents a client certificate if the registry requests one', async () => {
    const { cert, key } = certificate();
    const server = https.createServer(
      { cert, key, ca: cert, requestCert: true, rejectUnauthorized: true },
      handler,
    );
    const { address } = await proxyTo(await listen(server));
    const proxy = { HTTPS_PROXY: `http://${address}` };
    const certs = tempFolder();
    writeFiles(certs, { 'registry.example/ca.crt': cert });
    await registryErrorOf(head('registry.example', proxy, { certFolders: [certs] }));
    writeFiles(certs, { 'registry.example/client.cert': cert });
    const error = await head('registry.example', proxy, { certFolders: [certs] }).catch(
      (each: Error) => each,
    );
    assert.match((error as Error).message, /cannot read .*client\.key: ENOENT/);
    writeFiles(certs, { 'registry.example/client.key': key });
    assert.is(await head('registry.example', proxy, { certFolders: [certs] }), digest);
  });

  test('reaches an insecure registry with any certificate or HTTP, also through a proxy', async () => {
    const { cert, key } = certificate();
    const encrypted = await proxyTo(await listen(https.createServer({ cert, key }, handler)));
    const plain = await proxyTo(await listen(http.createServer(handler)));
    for (const { address } of [encrypted, plain]) {
      const proxy = { HTTPS_PROXY: `http://${address}`, HTTP_PROXY: `http://${address}` };
      await registryErrorOf(head('registry.example:5000', proxy));
      const named = { ...proxy, TASKS_INSECURE_REGISTRIES: 'x.example, registry.example:5000' };
      assert.is(await head('registry.example:5000', named), digest);
      const file = path.join(tempFolder(), 'daemon.json');
      writeFiles(path.dirname(file), {
        'daemon.json': '{"insecure-registries":["registry.example:5000", 7]}',
      });
      assert.is(await head('registry.example:5000', proxy, { daemonFiles: [file] }), digest);
      let queries = 0;
      const insecure = async () => {
        queries++;
        return ['registry.example:5000'];
      };
      assert.is(await head('registry.example:5000', proxy, { insecure }), digest);
      assert.is(queries, 1);
      await registryErrorOf(head('registry.example:5001', proxy, { insecure }));
    }
    assert.ok(
      plain.seen.includes('HEAD http://registry.example:5000/v2/team/app/manifests/1'),
      plain.seen.join(),
    );
  });

  test('authenticates to a proxy, and prints no credentials in messages', async () => {
    const { folder, cert, key } = certificate();
    const port = await listen(https.createServer({ cert, key }, handler));
    const { address } = await proxyTo(port, `Basic ${Buffer.from('me:s3cret').toString('base64')}`);
    const SSL_CERT_FILE = path.join(folder, 'cert.pem');
    const by = (who: string) => ({
      HTTPS_PROXY: `http://${who}@${address}`,
      HTTP_PROXY: `http://${who}@${address}`,
      SSL_CERT_FILE,
    });
    assert.is(await head('registry.example', by('me:s3cret')), digest);
    for (const more of [{}, { TASKS_INSECURE_REGISTRIES: 'registry.example' }]) {
      const error = await registryErrorOf(head('registry.example', { ...by('me:wr0ng'), ...more }));
      assert.match(error.message, new RegExp(`the proxy ${address} requires authentication \\(407\\)`));
      assert.not.match(`${error.message} ${error.hint} ${error.stack}`, /wr0ng/);
    }
  });
}

test('reports a missing certificate file', async () => {
  const error = await head('registry.example', { SSL_CERT_FILE: '/nowhere/ca.pem' }).catch(
    (each: Error) => each,
  );
  assert.match((error as Error).message, /cannot read \/nowhere\/ca\.pem \(from SSL_CERT_FILE\): ENOENT/);
});

test('an interrupt ends the wait for a server that accepts connections and sends nothing', async () => {
  const server = createServer((socket) => void socket.resume());
  const host = `127.0.0.1:${await listen(server)}`;
  const abort = new AbortController();
  server.once('connection', () => abort.abort(new Error('interrupted')));
  const error = await head(host, {}, { signal: abort.signal }).catch((each: Error) => each);
  assert.match((error as Error).message, /interrupted/);
});

test.run();
