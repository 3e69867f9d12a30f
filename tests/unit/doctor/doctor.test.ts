import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { evaluateFacts, isReady } from '../../../src/doctor/checks.ts';
import type { Facts } from '../../../src/doctor/facts.ts';
import { type Fix, planFixes, type Unfixable } from '../../../src/doctor/fix.ts';
import { registrySiteOf } from '../../../src/doctor/registry-site.ts';

const test = suite('doctor');

const endpoint = {
  kind: 'unix',
  path: '/var/run/docker.sock',
  url: 'unix:///var/run/docker.sock',
  origin: 'default',
  context: 'default',
} as const;
const good: Facts = {
  os: { id: 'debian', version: '12', name: 'Debian GNU/Linux 12 (bookworm)' },
  isRoot: true,
  engine: { endpoint, version: '20.10.24' },
  client: { path: '/usr/bin/docker', version: '20.10.24', env: {} },
  rejected: [],
  dockerd: '/usr/sbin/dockerd',
  disks: [{ folder: '/var/lib/docker', freeBytes: 50e9 }],
  programs: [{ name: 'mmdebstrap', isNeeded: true, path: '/usr/bin/mmdebstrap' }],
  sites: [],
  registry: { name: 'Docker Hub', url: 'https://registry-1.docker.io/v2/' },
};
const { client: _, dockerd: __, ...clientless } = good;
const bare: Facts = {
  ...clientless,
  engine: { endpoint, problem: 'cannot connect to the docker engine' },
  rejected: [{ path: '/usr/local/bin/docker', reason: 'version 28.2.2 has no buildx plug-in' }],
  programs: [{ name: 'mmdebstrap', isNeeded: true }],
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

test("a bare Debian lacks the engine, BuildKit and the project's programs; each check says what to do", () => {
  assert.equal(states(bare), {
    engine: 'missing',
    BuildKit: 'missing',
    disk: 'ok',
    mmdebstrap: 'missing',
    registry: 'ok',
  });
  assert.is(isReady(evaluateFacts(bare)), false);
  for (const check of evaluateFacts(bare).filter(({ state }) => state === 'missing'))
    assert.match(check.remedy.join('\n'), /tasks doctor --fix/);
  assert.match(
    evaluateFacts(bare)[1]!.remedy[0]!,
    'skipped /usr/local/bin/docker: version 28.2.2 has no buildx',
  );
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
  assert.ok(on13[0]!.kind === 'install' && on13[0]!.packages.includes('docker-buildx'));
});

test('only what is missing is fixed', () => {
  assert.equal(fixes({ ...good, engine: bare.engine }), [{ kind: 'start', dockerd: '/usr/sbin/dockerd' }]);
  assert.equal(fixes({ ...good, programs: bare.programs }), [
    { kind: 'install', packages: ['mmdebstrap', 'debian-archive-keyring'] },
  ]);
  assert.equal(fixes({ ...good, programs: [{ name: 'mmdebstrap', isNeeded: false }] }), []);
  assert.equal(fixes({ ...good, programs: [{ name: 'some-tool', isNeeded: true }] }), []);
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

test('a nearly full disk is a warning, a full disk is missing', () => {
  const disk = (freeBytes: number): string => states({ ...good, disks: [{ folder: '/', freeBytes }] }).disk!;
  assert.equal([disk(50e9), disk(3e9), disk(1e8)], ['ok', 'warning', 'missing']);
});

test('an unset or unreachable registry is a warning: builds work without it', () => {
  const { registry: _registry, ...withoutRegistry } = good;
  assert.is(states(withoutRegistry).registry, 'warning');
  const unreachable = { name: 'Docker Hub', url: 'https://registry-1.docker.io/v2/', problem: 'ENOTFOUND' };
  const facts = { ...good, sites: [unreachable], registry: unreachable };
  assert.is(states(facts).registry, 'warning');
  assert.is(isReady(evaluateFacts(facts)), true);
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
