// Engines that only the docker client can connect to, by TLS and ssh. A proxy on the loopback interface stands in for each and
// forwards to this machine's engine.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { createServer, type TlsOptions } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../src/engine/api.ts';
import { resolveEndpoint } from '../../src/engine/endpoint.ts';
import { listImages } from '../../src/engine/queries.ts';
import { makeProject, runCli } from '../support/cli.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { tempFolder, writeFiles } from '../support/temp.ts';

const test = suite('engines behind TLS and ssh');
const label = 'image-tasks.remote-test';
const certs = tempFolder();
const docker = process.env.TASKS_DOCKER ?? '/usr/bin/docker';
const servers: Server[] = [];
let api: EngineApi;

/** Creates a key and a certificate for 127.0.0.1, signed by `ca`, or self-signed. */
function createCertificate(name: string, ca?: string): void {
  const file = (extension: string): string => path.join(certs, `${name}${extension}`);
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'pipe' });
  const use = ca === undefined ? 'basicConstraints=critical,CA:TRUE' : 'subjectAltName=IP:127.0.0.1';
  writeFileSync(file('.ext'), `${use}\n`);
  openssl(
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    file('-key.pem'),
    '-out',
    file('.csr'),
    '-subj',
    `/CN=${name}`,
  );
  const signer =
    ca === undefined
      ? ['-signkey', file('-key.pem')]
      : [
          '-CA',
          path.join(certs, `${ca}.pem`),
          '-CAkey',
          path.join(certs, `${ca}-key.pem`),
          '-CAcreateserial',
        ];
  openssl(
    'x509',
    '-req',
    '-days',
    '2',
    '-in',
    file('.csr'),
    '-out',
    file('.pem'),
    '-extfile',
    file('.ext'),
    ...signer,
  );
}

/** Starts a TLS proxy to the engine and returns its address. `strict`: clients need a certificate. */
async function startTlsProxy(strict: boolean): Promise<string> {
  const pem = (name: string): Buffer => readFileSync(path.join(certs, `${name}.pem`));
  const options: TlsOptions = {
    key: pem('server-key'),
    cert: pem('server'),
    ca: pem('ca'),
    requestCert: strict,
    rejectUnauthorized: strict,
  };
  const endpoint = resolveEndpoint(process.env);
  assert.is(endpoint.kind, 'unix');
  const server = createServer(options, (stream) => {
    const engine: Socket = connect((endpoint as { path: string }).path);
    stream.pipe(engine).pipe(stream);
    stream.on('error', () => engine.destroy());
    engine.on('error', () => stream.destroy());
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return `tcp://127.0.0.1:${(server.address() as { port: number }).port}`;
}

/** Builds and plans in this environment, and checks the image in the engine. */
async function assertBuildWorks(env: Record<string, string>): Promise<void> {
  const cwd = makeProject(
    `import { image } from 'image-tasks';
export const a = image({ name: 'a', context: 'a', labels: { '${label}': '1' } });`,
    { 'a/Dockerfile': 'FROM scratch\nCOPY x /\n', 'a/x': `${process.hrtime.bigint()}` },
  );
  // Removes this process's DOCKER_HOST unless `env` sets one.
  const run = (...args: string[]) =>
    runCli(args, { cwd, env: { DOCKER_HOST: '', TASKS_DOCKER: docker, ...env } });
  const built = await run('build', '--suffix=-t');
  assert.equal([built.code, built.out], [0, 'local/a:latest-t\n'], built.err);
  assert.match((await run('plan')).out, /1 up to date/);
  const images = await listImages(api);
  assert.ok(images.some(({ tags, labels }) => labels[label] === '1' && tags.includes('local/a:latest-t')));
}

/** Creates a docker configuration with one context. */
function createContext(host: string, options: string): Record<string, string> {
  const DOCKER_CONFIG = createConfig();
  const endpoint = `host=${host}${options}`;
  execFileSync(docker, ['context', 'create', 'work', '--docker', endpoint], {
    env: { ...process.env, DOCKER_CONFIG },
    stdio: 'pipe',
  });
  return { DOCKER_CONFIG, DOCKER_CONTEXT: 'work' };
}

/** Creates an empty docker configuration with the machine's plugins. */
function createConfig(): string {
  const folder = tempFolder();
  const plugins = path.join(process.env.DOCKER_CONFIG ?? '/nowhere', 'cli-plugins');
  writeFiles(folder, { 'config.json': '{}', 'cli-plugins': { link: plugins } });
  return folder;
}

test.before(async () => {
  api = await connectTestEngine();
  createCertificate('ca');
  createCertificate('server', 'ca');
  createCertificate('cert', 'ca');
});
test.after(async () => {
  for (const server of servers) server.close();
  await removeImages(api, label);
});

test('DOCKER_TLS_VERIFY and DOCKER_TLS', async () => {
  const strict = await startTlsProxy(true);
  await writeKey();
  await assertBuildWorks({ DOCKER_HOST: strict, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certs });
  await assertBuildWorks({ DOCKER_HOST: strict, DOCKER_TLS: '1', DOCKER_CERT_PATH: certs });
});

test('contexts with a certificate authority, without verification, and without certificates', async () => {
  const [strict, open] = [await startTlsProxy(true), await startTlsProxy(false)];
  const clientCert = `,cert=${certs}/cert.pem,key=${certs}/cert-key.pem`;
  await assertBuildWorks(createContext(strict, `,ca=${certs}/ca.pem${clientCert}`));
  await assertBuildWorks(createContext(strict, `${clientCert},skip-tls-verify=true`));
  await assertBuildWorks(createContext(open, ',skip-tls-verify=true'));
});

test("an engine that the client does not trust: exit code 3 and the client's error message", async () => {
  const host = await startTlsProxy(false);
  const cwd = makeProject(
    `import { image } from 'image-tasks';\nexport const a = image({ name: 'a', context: 'a' });`,
    { 'a/Dockerfile': 'FROM scratch\n' },
  );
  const env = {
    DOCKER_HOST: host,
    DOCKER_TLS_VERIFY: '1',
    DOCKER_CERT_PATH: tempFolder(),
    TASKS_DOCKER: docker,
  };
  const { code, err } = await runCli(['build'], { cwd, env });
  assert.is(code, 3);
  assert.match(err, /cannot connect to the docker engine at tcp:.*(ca\.pem|x509|certificate)/);
});

test('ssh', async () => {
  const bin = tempFolder();
  const { path: socket } = resolveEndpoint(process.env) as { path: string };
  // Stands in for `ssh [options] host -- docker system dial-stdio`, and runs the command here.
  writeFiles(bin, {
    'ssh*': `#!/bin/sh\nDOCKER_HOST=unix://${socket} DOCKER_CONTEXT= exec ${docker} system dial-stdio\n`,
  });
  await assertBuildWorks({
    DOCKER_HOST: 'ssh://me@build.example',
    PATH: `${bin}:${process.env.PATH}`,
    DOCKER_CONFIG: createConfig(),
  });
});

/** The client expects `key.pem` next to `cert.pem`. */
async function writeKey(): Promise<void> {
  writeFileSync(path.join(certs, 'key.pem'), readFileSync(path.join(certs, 'cert-key.pem')));
}

test.run();
