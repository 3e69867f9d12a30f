import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nameDockerfiles } from '../../../src/adopt/name-dockerfiles.ts';
import { readDockerfiles } from '../../../src/adopt/read-dockerfiles.ts';

const test = suite('names of images after the paths of their Dockerfiles');
const named = (...paths: string[]): string[] =>
  [...nameDockerfiles(paths, 'shop').values()].map(({ name, version }) => `${name}:${version}`);

test('folders and file names are names, versions and distributions', () => {
  assert.equal(
    named('Dockerfile', 'images/app/Dockerfile', 'postgres/17/alpine/Dockerfile', 'app_1.2.Dockerfile'),
    ['shop:latest', 'app:latest', 'postgres:17-alpine', 'app:1.2'],
  );
  assert.equal(named('Dockerfile.worker', 'docker/web.Dockerfile'), ['worker:latest', 'web:latest']);
});

test('in the root, folders of versions have the name of the root', () => {
  assert.equal(named('17/Dockerfile', 'bookworm/Dockerfile'), ['shop:17', 'shop:bookworm']);
  const all = named(
    '1.26/trixie/Dockerfile',
    '1.27/trixie/Dockerfile',
    'tip/trixie/Dockerfile',
    'docs/Dockerfile',
  );
  assert.equal(all, ['shop:1.26-trixie', 'shop:1.27-trixie', 'shop:tip-trixie', 'docs:latest']);
});

test('alpine is a name among names', () => {
  assert.equal(named('alpine/Dockerfile', 'debian/Dockerfile', 'python/3.14/Dockerfile'), [
    'alpine:latest',
    'debian:latest',
    'python:3.14',
  ]);
});

test('Dockerfile.dev beside a Dockerfile in a folder is a version of its image', () => {
  assert.equal(named('api/Dockerfile', 'api/Dockerfile.dev', 'other/Dockerfile.dev'), [
    'api:latest',
    'api:dev',
    'dev:latest',
  ]);
});

test('a system between a name and its release belongs to the version', () => {
  assert.equal(named('ros/humble/ubuntu/jammy/desktop/Dockerfile', 'ubuntu/jammy/Dockerfile'), [
    'humble:ubuntu-jammy-desktop',
    'ubuntu:jammy',
  ]);
});

test('an architecture is a version with a platform', () => {
  const paths = [
    'Dockerfile',
    'Dockerfile.aarch64',
    'sdk/9.0/arm32v7/Dockerfile',
    'sdk/9.0/amd64/Dockerfile',
  ];
  assert.equal(
    [...nameDockerfiles(paths, 'shop').values()].map(({ name, version, platform }) => [
      name,
      version,
      platform,
    ]),
    [
      ['shop', 'latest', undefined],
      ['shop', 'aarch64', 'linux/arm64'],
      ['sdk', '9.0-arm32v7', 'linux/arm/v7'],
      ['sdk', '9.0-amd64', 'linux/amd64'],
    ],
  );
});

test('folders tell many files of one name apart', () => {
  assert.equal(named('a/x/tool/Dockerfile', 'b/x/tool/Dockerfile', 'c/x/tool/Dockerfile'), [
    'tool:a',
    'tool:b',
    'tool:c',
  ]);
});

test('Dockerfiles of tests and documentation are left out, unless there are no others', () => {
  const read = (...paths: string[]) =>
    readDockerfiles(
      paths.map((path) => ({ path, text: 'FROM scratch\n' })),
      { rootName: 'shop', exists: () => true },
    );
  const { targets, omissions } = read(
    'app/Dockerfile',
    'docs/tool/Dockerfile',
    'app/tests/Dockerfile',
    'testing/Dockerfile',
  );
  assert.equal(
    targets.map(({ place }) => place),
    ['app/Dockerfile', 'testing/Dockerfile'],
  );
  assert.equal(
    omissions.map(({ place }) => place),
    ['docs/tool/Dockerfile', 'app/tests/Dockerfile'],
  );
  assert.is(read('tests/a/Dockerfile').targets.length, 1);
});

test('a Dockerfile has the platform of its bases; one that needs several platforms is left out', () => {
  const files = Object.entries({
    'base/1-a/amd64/Dockerfile': 'FROM debian:12\n',
    'base/1-a/arm64/Dockerfile': 'FROM debian:12\n',
    'app/Dockerfile': 'FROM team/base:1-a-arm64\n',
    'top/Dockerfile': 'FROM team/app\n',
    'cross/Dockerfile': 'FROM team/base:1-a-amd64\nCOPY --from=team/base:1-a-arm64 /a /a\n',
  }).map(([path, text]) => ({ path, text }));
  const { targets, omissions } = readDockerfiles(files, { rootName: 'shop', exists: () => true });
  assert.equal(
    targets.map(({ tags: [tag], platforms }) => [tag, ...platforms]),
    [
      ['team/base:1-a-amd64', 'linux/amd64'],
      ['team/base:1-a-arm64', 'linux/arm64'],
      ['team/app:latest', 'linux/arm64'],
      ['team/top:latest', 'linux/arm64'],
    ],
  );
  assert.equal(omissions, [
    { place: 'cross/Dockerfile', what: 'the Dockerfile: it builds on images of several platforms' },
  ]);
});

test.run();
