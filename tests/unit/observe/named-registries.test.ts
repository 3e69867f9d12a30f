import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ObservedImage } from '../../../src/model/observed.ts';
import { namedRegistries } from '../../../src/observe/named-registries.ts';

const test = suite('the registries that a build names');

const observed = (more: Partial<ObservedImage>): ObservedImage => ({
  kind: 'image',
  context: [],
  dockerfile: { source: '/Dockerfile', digest: 'd' },
  reachable: { steps: [], args: [] },
  vague: [],
  bases: [],
  impure: [],
  unpinnedFetches: [],
  suspect: [],
  ...more,
});
const bases = (...references: string[]): ObservedImage['bases'] =>
  references.map((reference) => ({ reference, platform: 'linux/amd64', line: 1 }));

test('of base images, of the syntax line, and of named contexts', () => {
  assert.equal(namedRegistries(observed({})), []);
  const digest = `sha256:${'a'.repeat(64)}`;
  const names = bases(
    'debian',
    'me/app:1',
    'GHCR.io/a/b:1',
    `localhost/x@${digest}`,
    `h.example:5000/x:1@${digest}`,
  );
  assert.equal(namedRegistries(observed({ bases: names })), [
    'docker.io',
    'ghcr.io',
    'h.example:5000',
    'localhost',
  ]);
  const contexts = [
    { name: 'a', source: { image: 'quay.io/x' }, isUsed: true, entries: [] },
    { name: 'b', source: { folder: 'b' }, isUsed: true, entries: [] },
  ];
  assert.equal(namedRegistries(observed({ contexts, frontend: 'docker/dockerfile:1' })), [
    'docker.io',
    'quay.io',
  ]);
});

test('unknown for a Dockerfile that is not fully understood, and for other frontends', () => {
  const { reachable: _, ...vague } = observed({ bases: bases('debian') });
  assert.is(namedRegistries(vague), undefined);
  assert.is(namedRegistries(observed({ frontend: 'mirror.example/dockerfile:1' })), undefined);
});

test.run();
