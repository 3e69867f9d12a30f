// Engines behind TLS and ssh. A proxy on the loopback interface, and a fake `ssh`, stand in for the way to another machine: both
// forward to this machine's engine. No docker client is needed.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { createServer, type TlsOptions } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../src/engine/api.ts';
import { resolveEndpoint } from '../../src/engine/endpoint.ts';
import { listImages } from '../../src/engine/queries.ts';
import { busybox } from '../support/busybox.ts';
import { type Certificates, hasOpenssl, makeCertificates } from '../support/certificates.ts';
import { type CliProcess, type CliResult, makeProject, runCli, startCli } from '../support/cli.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { type FakeSsh, fakeSsh, sshTo } from '../support/fake-ssh.ts';
import { tempFolder, writeFiles } from '../support/temp.ts';

const test = suite(`engines behind TLS${hasOpenssl ? '' : ' (skipped: openssl is not installed)'} and ssh`);
const tlsTest: typeof test.skip = hasOpenssl ? test : test.skip;
const label = 'image-tasks.remote-test';
const servers: Server[] = [];
let api: EngineApi;
let certificates: Certificates;
let valid: Pick<TlsOptions, 'key' | 'cert'>;
/** A client with a certificate. */
let certFolder: string;

function engineSocket(): string {
  const endpoint = resolveEndpoint(process.env);
  assert.is(endpoint.kind, 'unix');
  return (endpoint as { readonly path: string }).path;
}

/** Starts a TLS proxy to the engine and returns its address. `strict`: clients need a certificate. */
async function startTlsProxy(strict: boolean, server = valid): Promise<string> {
  const options = { ...server, ca: certificates.ca, requestCert: strict, rejectUnauthorized: strict };
  const listener = createServer(options, (stream) => {
    const engine: Socket = connect(engineSocket());
    stream.pipe(engine).pipe(stream);
    stream.on('error', () => engine.destroy());
    engine.on('error', () => stream.destroy());
  });
  listener.on('tlsClientError', () => undefined);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  servers.push(listener);
  return `tcp://127.0.0.1:${(listener.address() as { readonly port: number }).port}`;
}

const definitions = `import { image } from 'image-tasks';
export const a = image({ name: 'a', context: 'a', labels: { '${label}': '1' } });`;

/** Creates a project that was never built. */
const newProject = (): string =>
  makeProject(definitions, {
    'a/Dockerfile': 'FROM scratch\nCOPY x /\n',
    'a/x': `${process.hrtime.bigint()}`,
  });

/** Runs tasks without this process's DOCKER_HOST and DOCKER_CONFIG, unless `env` has them. */
async function run(
  cwd: string,
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<CliResult> {
  return await runCli(args, { cwd, env: { DOCKER_HOST: '', DOCKER_CONFIG: tempFolder(), ...env } });
}

/** Builds and plans in this environment, and checks the image in the engine. */
async function assertBuildWorks(env: Readonly<Record<string, string>>): Promise<void> {
  const cwd = newProject();
  const built = await run(cwd, env, 'build', '--suffix=-t');
  assert.equal([built.code, built.out], [0, 'local/a:latest-t\n'], built.err);
  assert.match((await run(cwd, env, 'plan')).out, /1 up to date/);
  const images = await listImages(api);
  assert.ok(images.some(({ tags, labels }) => labels[label] === '1' && tags.includes('local/a:latest-t')));
}

/** Creates a docker configuration with one context, as `docker context create` does. */
function createContext(Host: string, SkipTLSVerify: boolean, files: Readonly<Record<string, string>> = {}) {
  const DOCKER_CONFIG = tempFolder();
  const id = createHash('sha256').update('work').digest('hex');
  const meta = { Name: 'work', Metadata: {}, Endpoints: { docker: { Host, SkipTLSVerify } } };
  writeFiles(DOCKER_CONFIG, {
    'config.json': JSON.stringify({ currentContext: 'work' }),
    [`contexts/meta/${id}/meta.json`]: JSON.stringify(meta),
    ...Object.fromEntries(
      Object.entries(files).map(([name, text]) => [`contexts/tls/${id}/docker/${name}`, text]),
    ),
  });
  return { DOCKER_CONFIG };
}

test.before(async () => {
  api = await connectTestEngine();
  if (!hasOpenssl) return;
  certificates = makeCertificates();
  valid = certificates.issue('server');
  certificates.issue('client');
  certFolder = certificates.folderFor('client');
});
test.after(async () => {
  for (const server of servers) server.close();
  await removeImages(api, label);
});

tlsTest('DOCKER_TLS_VERIFY and DOCKER_TLS, with DOCKER_CERT_PATH or ~/.docker', async () => {
  const DOCKER_HOST = await startTlsProxy(true);
  await assertBuildWorks({ DOCKER_HOST, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certFolder });
  await assertBuildWorks({ DOCKER_HOST, DOCKER_TLS: '1', DOCKER_CONFIG: certFolder });
});

tlsTest('contexts with a certificate authority, without verification, and without certificates', async () => {
  const [strict, open] = [await startTlsProxy(true), await startTlsProxy(false)];
  const { key, cert } = certificates.issue('client');
  const pair = { 'cert.pem': String(cert), 'key.pem': String(key) };
  await assertBuildWorks(createContext(strict, false, { ...pair, 'ca.pem': String(certificates.ca) }));
  await assertBuildWorks(createContext(strict, true, pair));
  await assertBuildWorks(createContext(open, true));
});

tlsTest('a TLS connection that is not possible: exit code 3, the address, and the reason', async () => {
  const strict = await startTlsProxy(true);
  certificates.issue('expired', { days: -1 });
  const hosts: [what: string, host: string, folder: string, reason: RegExp][] = [
    ['no authority', strict, tempFolder(), /certificate authority is missing: \/.*\/ca\.pem/],
    ['another authority', strict, makeCertificates().folderFor(), /is not signed by an authority/],
    [
      'no client certificate',
      strict,
      certificates.folderFor(),
      /refuses the connection, which has no client/,
    ],
    [
      'an expired client certificate',
      strict,
      certificates.folderFor('expired'),
      /client certificate \/.*\/cert\.pem expired on/,
    ],
    [
      'a certificate for another name',
      await startTlsProxy(false, certificates.issue('other', { altName: 'DNS:build.example' })),
      certFolder,
      /its certificate is for another name/,
    ],
    [
      'an expired certificate',
      await startTlsProxy(false, certificates.issue('old', { days: -1 })),
      certFolder,
      /its certificate, or .*, has expired/,
    ],
  ];
  for (const [what, DOCKER_HOST, DOCKER_CERT_PATH, reason] of hosts) {
    const { code, err } = await run(
      newProject(),
      { DOCKER_HOST, DOCKER_CERT_PATH, DOCKER_TLS_VERIFY: '1' },
      'build',
    );
    assert.is(code, 3, `${what}: ${err}`);
    assert.match(err, reason);
    if (what !== 'no authority') assert.ok(err.includes(`docker engine at ${DOCKER_HOST}`), err);
  }
});

/** The environment to reach the engine by a fake ssh. */
const bySsh = (ssh: FakeSsh) => ({ DOCKER_HOST: 'ssh://me@build.example', ...ssh.env });

test('ssh: requests and builds share a few connections', async () => {
  const ssh = sshTo(engineSocket());
  const cwd = makeProject(
    `import { image } from 'image-tasks';
const versions = ['1', '2', '3', '4', '5', '6'];
export const a = image({ name: 'a', versions, context: 'a', args: (v) => ({ V: v }), labels: { '${label}': '1' } });`,
    { 'a/Dockerfile': 'FROM scratch\nARG V\nCOPY x /$V\n', 'a/x': `${process.hrtime.bigint()}` },
  );
  const { code, err } = await run(cwd, bySsh(ssh), 'build', '-j', '2');
  assert.is(code, 0, err);
  // Each image alone needs a build and two requests.
  assert.ok(ssh.calls().length <= 6, `${ssh.calls().length} calls of ssh`);
  for (const call of ssh.calls())
    assert.equal(call.slice(-6), ['-T', '--', 'build.example', 'docker', 'system', 'dial-stdio']);
  await assertBuildWorks(bySsh(ssh));
});

test('ssh that cannot connect: exit code 3, with what it printed', async () => {
  const ssh = fakeSsh(
    `console.error('me@build.example: Permission denied (publickey).'); process.exit(255);`,
  );
  const { code, err } = await run(newProject(), bySsh(ssh), 'build');
  assert.is(code, 3);
  assert.match(err, /cannot connect to the docker engine at ssh:.*: me@build\.example: Permission denied/);
});

/** Starts a build by ssh, and waits until its step runs. The step sleeps for longer than any test, a different time in each. */
async function startEndless(ssh: FakeSsh, seconds: number): Promise<CliProcess> {
  const cwd = makeProject(definitions, {
    'a/Dockerfile': `FROM scratch\nCOPY bin /bin\nRUN echo asleep $((40 + 2)) && sleep ${seconds}\n`,
    'a/bin/': '',
  });
  for (const name of ['sh', 'sleep']) copyFileSync(busybox(), path.join(cwd, 'a/bin', name));
  const env = { DOCKER_CONFIG: tempFolder(), ...bySsh(ssh) };
  const running = startCli(['build', '--verbose'], { cwd, env });
  await running.printed('asleep 42');
  return running;
}

test('an ssh that is killed during a build: exit code 3, the connection was lost', async () => {
  const ssh = sshTo(engineSocket());
  const { ended } = await startEndless(ssh, 98_765);
  for (const pid of ssh.pids()) if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
  const { code, err } = await ended;
  assert.is(code, 3, err);
  assert.match(err, /lost the connection to the docker engine at ssh:.* ssh was killed by SIGKILL/);
});

test('Ctrl-C during a build by ssh cancels it in the engine, and every ssh ends with tasks', async () => {
  const ssh = sshTo(engineSocket());
  const { child, ended } = await startEndless(ssh, 98_764);
  child.kill('SIGINT');
  assert.is((await ended).code, 130);
  const isRunning = (): boolean =>
    readdirSync('/proc').some((pid) => /^\d+$/.test(pid) && commandOf(pid).includes('sleep\u000098764'));
  while (isRunning() || ssh.pids().some((pid) => existsSync(`/proc/${pid}/exe`)))
    await new Promise((resolve) => setImmediate(resolve));
});

/** Returns the command line of a process, empty if it has ended. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

test.run();
