import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import type { ImageFields } from '../../../src/define/types.ts';
import { DefinitionError } from '../../../src/model/errors.ts';
import type { ImageTask } from '../../../src/model/task.ts';
import { graphOf } from '../../support/graphs.ts';

const test = suite('fields for contexts and RUN');

const taskOf = (fields: Partial<ImageFields<string>>): ImageTask =>
  graphOf({ app: image({ name: 'app', context: 'a', ...fields }) }).tasks.get('app:latest') as ImageTask;

test('the values of a task are in one form', () => {
  const task = taskOf({
    contexts: {
      'docker.io/library/assets:latest': 'static/',
      'registry.example/x:1': 'docker-image://alpine:3.20',
      source: 'https://example.com/a/b.git#v1:folder',
      other: 'git@example.com:a/b.git',
      all: '.',
    },
    addHosts: ['db:10.0.0.1', 'db2=10.0.0.2', 'six:2001:db8::1', 'seven=[::1]'],
    shmSize: '64MB',
    ulimits: ['nofile=1024:2048', 'nproc=7', 'core=0:-1'],
    cgroupParent: '/builds',
    allow: ['security.insecure', 'network.host', 'network.host'],
    ssh: { default: { agent: true }, deploy: { key: 'keys/id' } },
    attest: { provenance: 'max', sbom: 'registry.example/scan:1' },
    annotations: { 'org.opencontainers.image.title': 'App: = 1' },
  });
  assert.equal(task.attest, { provenance: 'max', sbom: 'registry.example/scan:1' });
  assert.equal(task.annotations, { 'org.opencontainers.image.title': 'App: = 1' });
  assert.equal(task.contexts, {
    assets: { folder: 'static' },
    'registry.example/x:1': { image: 'alpine:3.20' },
    source: { git: 'https://example.com/a/b.git#v1:folder' },
    other: { git: 'git@example.com:a/b.git' },
    all: { folder: '.' },
  });
  assert.equal(task.addHosts, ['db=10.0.0.1', 'db2=10.0.0.2', 'six=2001:db8::1', 'seven=::1']);
  assert.is(task.shmSize, 64 << 20);
  assert.equal(task.ulimits, { nofile: '1024:2048', nproc: '7:7', core: '0:-1' });
  assert.is(task.cgroupParent, '/builds');
  assert.equal(task.allow, ['network.host', 'security.insecure']);
  assert.equal(task.ssh, { default: { agent: true }, deploy: { key: 'keys/id' } });
});

test('each of them may be a function of the version', () => {
  const app = image({
    name: 'app',
    versions: ['1', '2'],
    context: 'a',
    contexts: (version) => ({ assets: `assets/${version}` }),
    addHosts: (version) => [`db:10.0.0.${version}`],
    shmSize: (version) => `${version}g`,
    ulimits: (version) => [`nofile=${version}`],
    cgroupParent: (version) => `/${version}`,
    allow: (version) => (version === '1' ? ['network.host'] : []),
    ssh: (version) => ({ [version]: { agent: true } }),
    attest: (version) => (version === '2' ? { sbom: true } : {}),
    annotations: (version) => ({ version }),
  });
  const task = graphOf({ app }).tasks.get('app:2') as ImageTask;
  assert.equal(
    [
      task.contexts,
      task.addHosts,
      task.shmSize,
      task.ulimits,
      task.cgroupParent,
      task.allow,
      task.ssh,
      task.attest,
      task.annotations,
    ],
    [
      { assets: { folder: 'assets/2' } },
      ['db=10.0.0.2'],
      2 ** 31,
      { nofile: '2:2' },
      '/2',
      undefined,
      { 2: { agent: true } },
      { sbom: true },
      { version: '2' },
    ],
  );
});

test('what is empty is left out', () => {
  const empty = { contexts: {}, addHosts: [], ulimits: [], allow: [], ssh: {}, attest: {}, annotations: {} };
  assert.equal(taskOf(empty), taskOf({}));
});

const source = "a folder below the project root, 'docker-image://…', or a git address '….git#commit'";
const host = "a name and an IP address, such as 'db:10.0.0.1'";
const annotation = "a name such as 'org.opencontainers.image.description'";
const size = "a size such as '64m', '1g'";
const contextName = 'the name of an image or stage';
const agent = "{ agent: true } or { key: 'path' }";

/** [the fields, the field in the message, what was found, what was expected] */
const rejected: [Record<string, unknown>, string, string, string][] = [
  [{ contexts: ['assets'] }, 'contexts.0', '"0"', contextName],
  [{ contexts: { assets: '/abs' } }, 'contexts.assets', '"/abs"', source],
  [{ contexts: { assets: 'a/../../b' } }, 'contexts.assets', '"a/../../b"', source],
  [{ contexts: { assets: '' } }, 'contexts.assets', '""', source],
  [{ contexts: { assets: 'https://h/x.tar.gz' } }, 'contexts.assets', '"https://h/x.tar.gz"', source],
  [{ contexts: { assets: 'target:base' } }, 'contexts.assets', '"target:base"', source],
  [{ contexts: { assets: 'oci-layout://x' } }, 'contexts.assets', '"oci-layout://x"', source],
  [{ contexts: { assets: 'docker-image://' } }, 'contexts.assets', '"docker-image://"', source],
  [{ contexts: { assets: 'docker-image://scratch' } }, 'contexts.assets', '"docker-image://scratch"', source],
  [{ contexts: { Assets: 'assets' } }, 'contexts.Assets', '"Assets"', contextName],
  [{ contexts: { scratch: 'assets' } }, 'contexts.scratch', '"scratch"', contextName],
  [{ contexts: { context: 'assets' } }, 'contexts.context', '"context"', contextName],
  [
    { contexts: { alpine: 'a', 'alpine:latest': 'b' } },
    'contexts',
    '{"alpine":"a","alpine:latest":"b"}',
    'each name once; the default tag is latest',
  ],
  [{ addHosts: 'db:10.0.0.1' }, 'addHosts', '"db:10.0.0.1"', 'a list'],
  [{ addHosts: ['db'] }, 'addHosts.0', '"db"', host],
  [{ addHosts: ['db:10.0.0.256'] }, 'addHosts.0', '"db:10.0.0.256"', host],
  [{ addHosts: ['db:host-gateway'] }, 'addHosts.0', '"db:host-gateway"', host],
  [{ addHosts: ['a,b:10.0.0.1'] }, 'addHosts.0', '"a,b:10.0.0.1"', host],
  [{ shmSize: 64 }, 'shmSize', '64', 'a string'],
  [{ shmSize: '64x' }, 'shmSize', '"64x"', size],
  [{ shmSize: '0' }, 'shmSize', '"0"', size],
  [{ ulimits: ['nofile=1', 'nofile=2'] }, 'ulimits', '["nofile=1","nofile=2"]', 'each limit once'],
  [{ cgroupParent: '' }, 'cgroupParent', '""', "a cgroup, such as '/builds'"],
  [{ attest: { provenance: 'all' } }, 'attest.provenance', '"all"', '("min" | "max")'],
  [{ attest: { provenance: true } }, 'attest.provenance', 'true', '("min" | "max")'],
  [{ attest: { sbom: false } }, 'attest.sbom', 'false', 'true, or the name of a scanner image'],
  [{ attest: { sbom: 'a,b=c' } }, 'attest.sbom', '"a,b=c"', 'the name of a scanner image'],
  [{ annotations: { 'index:a': 'b' } }, 'annotations.index:a', '"index:a"', annotation],
  [{ annotations: { 'a b': 'c' } }, 'annotations.a b', '"a b"', annotation],
  [{ annotations: { a: 1 } }, 'annotations.a', '1', 'a string'],
  [{ ssh: { 'a b': { agent: true } } }, 'ssh.a b', '"a b"', 'an ID of letters, digits, _ . -'],
  [{ ssh: { default: {} } }, 'ssh.default', '{}', agent],
  [{ ssh: { default: { agent: false } } }, 'ssh.default', '{"agent":false}', agent],
  [{ ssh: { default: { key: '' } } }, 'ssh.default.key', '""', 'a path'],
];
for (const [fields, field, found, expected] of rejected)
  test(`${JSON.stringify(fields)} is an error that says what is expected`, () => {
    assert.is(
      messageOf(fields),
      `tasks/images.ts › app › ${field}: wrong value\n  found:    ${found}\n  expected: ${expected}`,
    );
  });

test('attestations and annotations are for images only', () => {
  const message = messageOf({ output: 'files', attest: { sbom: true }, annotations: { a: 'b' } });
  assert.match(message, /› attest: it is for an image, and output: 'files' builds none/);
  assert.match(message, /› annotations: it is for an image/);
});

test('limits have a known name, and a soft limit that is not above the hard one', () => {
  for (const limit of [
    'files=1',
    'nofile',
    'nofile=a',
    'nofile=2:1',
    'nofile=-1:5',
    'nofile=1:2:3',
    'nofile=-2',
  ])
    assert.match(
      messageOf({ ulimits: [limit] }),
      /ulimits.0: wrong value\n.*\n.*such as 'nofile=1024:2048', with/,
    );
  assert.match(
    messageOf({ allow: ['device'] }),
    /allow.0: wrong value\n.*\n.*network.host.*security.insecure/,
  );
});

function messageOf(fields: Record<string, unknown>): string {
  try {
    taskOf(fields);
  } catch (error) {
    assert.instance(error, DefinitionError);
    assert.is((error as DefinitionError).exitCode, 2);
    return (error as DefinitionError).message;
  }
  throw new Error('the definition was accepted');
}

test.run();
