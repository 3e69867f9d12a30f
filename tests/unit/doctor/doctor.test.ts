import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { NodeFacts } from '../../../src/doctor/builder-facts.ts';
import { evaluateFacts, isReady } from '../../../src/doctor/checks.ts';
import type { EngineFacts, Facts } from '../../../src/doctor/facts.ts';
import { type Fix, planFixes, type Unfixable } from '../../../src/doctor/fix.ts';
import { comparePlatforms, type PlatformFacts } from '../../../src/doctor/platforms.ts';
import { register } from '../../../src/doctor/register-emulators.ts';
import { registrySiteOf } from '../../../src/doctor/registry-site.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('doctor');

const endpoint = {
  kind: 'unix',
  path: '/var/run/docker.sock',
  url: 'unix:///var/run/docker.sock',
  origin: 'default',
} as const;
const working = {
  endpoint,
  version: { version: '26.1.5', apiVersion: '1.45', os: 'linux', arch: 'amd64' },
  store: { kind: 'containerd', driver: 'overlayfs' },
  isLocal: true,
  buildkit: { platforms: ['linux/amd64', 'linux/386'] },
} as const;
const good: Facts = {
  os: { id: 'debian', version: '12', name: 'Debian GNU/Linux 12 (bookworm)' },
  isRoot: true,
  engine: working,
  dockerd: '/usr/sbin/dockerd',
  disks: [{ folder: '/var/lib/docker', freeBytes: 50e9 }],
  programs: [{ name: 'mmdebstrap', path: '/usr/bin/mmdebstrap' }],
  sites: [],
  registry: { repository: 'citus/app' },
};
const { dockerd: _, ...engineless } = good;
const bare: Facts & { readonly engine: EngineFacts } = {
  ...engineless,
  engine: { endpoint, problem: 'cannot connect to the docker engine', hint: 'run `tasks doctor`' },
  programs: [{ name: 'mmdebstrap' }],
};
const fixes = (facts: Facts): readonly Fix[] => {
  const planned = planFixes(facts);
  if ('reason' in planned) throw new Error(planned.reason);
  return planned;
};
const unfixable = (facts: Facts): Unfixable => planFixes(facts) as Unfixable;
const states = (facts: Facts): Record<string, string> =>
  Object.fromEntries(evaluateFacts(facts).map(({ name, state }) => [name, state]));

test('a machine that has everything is ready and needs no fix', () => {
  assert.is(isReady(evaluateFacts(good)), true);
  assert.equal(fixes(good), []);
});

test("a bare Debian lacks the engine and the project's programs; each check says what to do", () => {
  assert.equal(states(bare), {
    engine: 'missing',
    disk: 'ok',
    mmdebstrap: 'missing',
    registry: 'ok',
  });
  assert.is(isReady(evaluateFacts(bare)), false);
  for (const check of evaluateFacts(bare).filter(({ state }) => state === 'missing'))
    assert.match(check.remedy.join('\n'), /tasks doctor --fix/);
});

test('the engine is named with its version, its address and its image store, and its BuildKit with its platforms', () => {
  const details = (engine: EngineFacts): string[] =>
    evaluateFacts({ ...good, engine })
      .slice(0, 2)
      .map(({ name, state, detail }) => `${name} ${state}: ${detail}`);
  assert.equal(details(working), [
    'engine ok: docker 26.1.5 at unix:///var/run/docker.sock, containerd image store (overlayfs)',
    'BuildKit ok: builds for linux/amd64, linux/386',
  ]);
  const old = {
    ...working,
    endpoint: { ...endpoint, origin: 'DOCKER_HOST' },
    version: { ...working.version, version: '20.10.24', apiVersion: '1.41' },
    store: { kind: 'graph driver', driver: 'overlay2' } as const,
  };
  assert.equal(details(old), [
    'engine ok: docker 20.10.24 at unix:///var/run/docker.sock (DOCKER_HOST), classic image store (overlay2)',
    'BuildKit ok: builds for linux/amd64, linux/386; no heredocs in Dockerfiles (they need docker 23 or newer)',
  ]);
});

test('a BuildKit that cannot be reached is missing, and the check says why', () => {
  const facts = {
    ...good,
    engine: { ...working, buildkit: { message: 'a proxy refuses', hint: 'let it pass' } },
  };
  const [, check] = evaluateFacts(facts);
  assert.equal(check, {
    name: 'BuildKit',
    state: 'missing',
    detail: 'a proxy refuses',
    remedy: ['let it pass'],
  });
  assert.is(isReady(evaluateFacts(facts)), false);
});

test('a builder works if one of its nodes can push; each problem says what to do', () => {
  const node = { name: 'ci0', place: 'tcp://10.0.0.1:1234', platforms: ['linux/arm64'] };
  const check = (nodes: readonly NodeFacts[], repository: string | undefined = 'team/app') =>
    evaluateFacts({ ...good, builder: { name: 'ci', repository, nodes } }).filter(
      ({ name }) => name === 'builder',
    );
  assert.equal(check([node])[0]!.detail, 'ci0 (tcp://10.0.0.1:1234) builds for linux/arm64');
  const dead = { ...node, name: 'ci1', problem: 'no answer\nUsage: docker' };
  assert.equal(
    check([node, dead]).map(({ state }) => state),
    ['ok', 'warning'],
  );
  const [failed] = check([dead]);
  assert.equal([failed!.state, failed!.detail], ['missing', 'ci1 (tcp://10.0.0.1:1234): no answer']);
  assert.match(failed!.remedy.join(), 'docker buildx inspect');
  const [apart] = check([{ ...node, pushProblem: 'no such host' }]);
  assert.match(apart!.detail, 'cannot push: no such host');
  assert.match(apart!.remedy.join(), 'under the same name');
  const unnamed = evaluateFacts({ ...good, builder: { name: 'ci', repository: undefined, nodes: [node] } });
  assert.match(unnamed.find(({ state }) => state === 'missing')!.detail, 'no repository');
});

test('what is no builder is reported', () => {
  const builder = { name: 'x', repository: 'team/app', problem: 'no such builder', hint: 'ls', nodes: [] };
  const checks = evaluateFacts({ ...good, builder });
  assert.is(isReady(checks), false);
});

test('an engine that does not work: what to do depends on where it was found', () => {
  const remedy = (origin: string, hint?: string): string =>
    evaluateFacts({
      ...bare,
      engine: { endpoint: { ...endpoint, origin }, problem: 'no', hint },
    })[0]!.remedy.join();
  assert.match(remedy('default'), 'tasks doctor --fix');
  assert.match(remedy('rootless docker'), 'systemctl --user start docker');
  assert.match(remedy('Docker Desktop'), 'start Docker Desktop');
  assert.match(
    remedy('context work', 'run `tasks doctor`'),
    'remove the setting that selects it (context work)',
  );
  assert.is(remedy('DOCKER_HOST', 'renew the client certificate'), 'renew the client certificate');
});

test('the fix installs the packages of the Debian version, then starts the engine', () => {
  const on12 = fixes(bare);
  assert.equal(on12[0], {
    kind: 'install',
    packages: [
      'docker.io',
      'iptables',
      'iproute2',
      'ca-certificates',
      'mmdebstrap',
      'debian-archive-keyring',
    ],
  });
  assert.equal(on12[1], { kind: 'start', dockerd: '/usr/sbin/dockerd' });
  const on13 = fixes({ ...bare, os: { ...bare.os, version: '13' } });
  assert.ok(on13[0]!.kind === 'install' && on13[0]!.packages.includes('docker-cli'));
});

test('only what is missing is fixed', () => {
  assert.equal(fixes({ ...good, engine: bare.engine }), [{ kind: 'start', dockerd: '/usr/sbin/dockerd' }]);
  assert.equal(fixes({ ...good, programs: bare.programs }), [
    { kind: 'install', packages: ['mmdebstrap', 'debian-archive-keyring'] },
  ]);
  assert.equal(fixes({ ...good, programs: [{ name: 'some-tool' }] }), []);
});

test('on other systems nothing is changed: the result has the reason, and the commands to run by hand', () => {
  const user = unfixable({ ...bare, isRoot: false });
  assert.match(user.reason, 'must run as root');
  assert.ok(user.commands.some((command) => command.startsWith('apt-get install docker.io')));
  const fedora = unfixable({ ...bare, os: { id: 'fedora', version: '41', name: 'Fedora Linux 41' } });
  assert.match(fedora.reason, 'Fedora Linux 41');
  const remote = { ...endpoint, origin: 'DOCKER_HOST', url: 'tcp://build:2375' };
  const other = unfixable({ ...bare, engine: { endpoint: remote, problem: 'no response' } });
  assert.match(other.reason, 'DOCKER_HOST');
});

const both = ['linux/amd64', 'linux/arm64'];
const foreign: PlatformFacts = {
  needed: both,
  missing: ['linux/arm64'],
  isLocal: true,
  emulators: ['qemu-aarch64'],
  isInstalled: false,
};

test('platforms without an emulator are a warning: other tasks work, and another machine can build these', () => {
  const check = (platforms: Partial<PlatformFacts>, more: Partial<Facts> = {}) =>
    evaluateFacts({ ...good, ...more, platforms: { ...foreign, ...platforms } }).find(
      ({ name }) => name === 'platforms',
    )!;
  assert.is(check({ missing: [], emulators: [] }).detail, 'runs programs for linux/amd64, linux/arm64');
  const missing = check({});
  assert.equal(
    [missing.state, missing.detail],
    ['warning', 'no emulator for linux/arm64: RUN and tests for it are blocked'],
  );
  assert.match(missing.remedy.join(), 'tasks doctor --fix');
  assert.match(check({ isLocal: false }).remedy.join(), "on the engine's machine");
  assert.not.match(check({ emulators: [], missing: ['windows/amd64'] }).remedy.join(), '--fix');
  assert.not.ok('platforms' in states(good), 'a project of one platform has no line');
});

test('the fix installs emulators and registers them before the engine starts; not for an engine elsewhere', () => {
  const facts: Facts = { ...good, platforms: foreign };
  const emulate: Fix = { kind: 'emulate', emulators: ['qemu-aarch64'] };
  assert.equal(fixes(facts), [{ kind: 'install', packages: ['qemu-user-static'] }, emulate]);
  assert.equal(fixes({ ...facts, platforms: { ...foreign, isInstalled: true } }), [emulate]);
  assert.equal(
    fixes({ ...bare, platforms: foreign }).map(({ kind }) => kind),
    ['install', 'emulate', 'start'],
  );
  assert.equal(fixes({ ...facts, platforms: { ...foreign, isLocal: false } }), []);
  assert.equal(fixes({ ...facts, platforms: { ...foreign, missing: [], emulators: [] } }), []);
  assert.ok(
    unfixable({ ...facts, isRoot: false }).commands.some((line) => line.includes('qemu-user-static')),
  );
});

test('needed platforms are compared with what the engine runs, whatever their names are', () => {
  const compared = comparePlatforms([...both, 'linux/s390x'], ['linux/amd64', 'linux/arm64'], true);
  assert.equal([compared.missing, compared.emulators], [['linux/s390x'], ['qemu-s390x']]);
  const named = comparePlatforms(['linux/arm64/v8', 'windows/amd64', 'linux/mips64le'], [], true);
  assert.equal(named.emulators, ['qemu-aarch64', 'qemu-mips64el']);
});

test('an emulator is registered with an interpreter that containers need not have, in place of an old entry', () => {
  const folder = tempFolder();
  const line = ':qemu-aarch64:M::\\x7f\\x45:\\xff\\xff:/usr/bin/qemu:OP';
  register('qemu-aarch64', `# comment\n${line}\n`, folder);
  assert.is(readFileSync(path.join(folder, 'register'), 'utf8'), `${line}F`);
  assert.not.ok(existsSync(path.join(folder, 'qemu-aarch64')));
  writeFileSync(path.join(folder, 'qemu-aarch64'), 'disabled\n');
  register('qemu-aarch64', `${line}F`, folder);
  assert.is(readFileSync(path.join(folder, 'qemu-aarch64'), 'utf8'), '-1', 'the old entry is removed first');
  assert.is(readFileSync(path.join(folder, 'register'), 'utf8'), `${line}F`);
});

test('a nearly full disk is a warning, a full disk is missing', () => {
  const disk = (freeBytes: number): string => states({ ...good, disks: [{ folder: '/', freeBytes }] }).disk!;
  assert.equal([disk(50e9), disk(3e9), disk(1e8)], ['ok', 'warning', 'missing']);
});

test('a registry that cannot be pushed to is a warning, since builds work without it; without one there is no line', () => {
  assert.is(evaluateFacts(good).find(({ name }) => name === 'registry')?.detail, 'you may push to citus/app');
  const problem = 'login required to push to registry.example/app';
  const denied = { repository: 'registry.example/app', problem, hint: 'docker login registry.example' };
  const site = { name: 'Docker Hub', url: 'https://registry-1.docker.io/v2/', problem: 'ENOTFOUND' };
  const facts = { ...good, sites: [site], registry: denied };
  const check = evaluateFacts(facts).find(({ name }) => name === 'registry');
  assert.equal([check?.state, check?.detail], ['warning', problem]);
  assert.is(check?.remedy[0], 'docker login registry.example');
  assert.is(states(facts)['Docker Hub'], 'warning');
  assert.is(isReady(evaluateFacts(facts)), true);
  const { registry: _registry, ...withoutRegistry } = good;
  assert.not.ok('registry' in states(withoutRegistry));
});

test('a project that builds no images needs no engine, and --fix installs none', () => {
  const { engine: _engine, dockerd: _dockerd, ...commandsOnly } = good;
  assert.equal(states(commandsOnly), { disk: 'ok', mmdebstrap: 'ok', registry: 'ok' });
  assert.is(isReady(evaluateFacts(commandsOnly)), true);
  assert.equal(fixes(commandsOnly), []);
});

test('the registry is derived from an image reference', () => {
  const url = (reference: string): string => registrySiteOf(reference).url;
  assert.is(url('debian:12'), 'https://registry-1.docker.io/v2/');
  assert.is(url('citus/app'), 'https://registry-1.docker.io/v2/');
  assert.is(url('docker.io/library/debian'), 'https://registry-1.docker.io/v2/');
  assert.is(url('ghcr.io/a/b:1'), 'https://ghcr.io/v2/');
  assert.is(url('localhost:5000/a'), 'http://localhost:5000/v2/');
  assert.is(url('127.0.0.1:5000/a'), 'http://127.0.0.1:5000/v2/');
  assert.is(url('registry.example:5000/a'), 'https://registry.example:5000/v2/');
});

test.run();
