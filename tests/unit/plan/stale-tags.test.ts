import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyLabel, taskLabel } from '../../../src/model/labels.ts';
import type { EngineImage } from '../../../src/model/ports.ts';
import { staleTags } from '../../../src/plan/stale-tags.ts';

const test = suite('stale content tags');

const now = new Date(Date.UTC(2026, 10, 24));
const key = 'a'.repeat(64);
const contentTag = `tasks.invalid/app:1.0-k${'a'.repeat(12)}`;
const inRegistry = contentTag.replace('tasks.invalid', 'team');
const old = now.getTime() - 8 * 86_400_000;
const image = (more: Partial<EngineImage> = {}): EngineImage => ({
  id: 'sha256:1',
  tags: [contentTag],
  labels: { [keyLabel]: key, [taskLabel]: 'app:1.0' },
  bytes: 100,
  created: old,
  ...more,
});
const stale = (
  images: readonly EngineImage[],
  keys: readonly string[] = [],
  used: readonly string[] = [],
): [string, number][] =>
  staleTags(images, {
    naming: { repo: 'team', suffix: '', timed: false },
    names: new Set(['app']),
    keys: new Set(keys),
    used: new Set(used),
    now,
  }).map(({ tag, bytes }) => [tag, bytes]);

test('the content tag of an old key is stale; the size is counted if it is the last tag', () => {
  assert.equal(stale([image()]), [[contentTag, 100]]);
  assert.equal(stale([image({ tags: ['team/app:1.0', contentTag] })]), [[contentTag, 0]]);
});

test('known keys, recent images, other names, other repositories and other tags are kept', () => {
  assert.equal(stale([image()], [key]), []);
  assert.equal(stale([image({ created: now.getTime() })]), []);
  assert.equal(stale([image({ labels: { [keyLabel]: key, [taskLabel]: 'other:1.0' } })]), []);
  assert.equal(stale([image({ labels: {} })]), []);
  assert.equal(stale([image({ tags: [inRegistry.replace('team', 'others'), 'team/app:1.0'] })]), []);
  assert.equal(
    stale([image({ tags: [contentTag.replaceAll('a'.repeat(12), 'b'.repeat(12))] })]),
    [],
    'a moved tag of another key',
  );
});

test('the registry tag of an old key is stale, too', () => {
  assert.equal(stale([image({ tags: [inRegistry, contentTag] })]), [
    [inRegistry, 100],
    [contentTag, 0],
  ]);
});

test('the image ID tag is stale when another image with the same key has replaced the image', () => {
  const idTag = `${contentTag}-i${'1'.padEnd(12, '0')}`;
  const replaced = image({ id: `sha256:1${'0'.repeat(63)}`, tags: [idTag] });
  const other = image({ id: 'sha256:2', tags: [contentTag] });
  assert.equal(stale([replaced, other], [key]), [[idTag, 100]]);
  assert.equal(stale([replaced, other], [key], [replaced.id]), [], 'the plan uses it');
  assert.equal(stale([replaced], [key]), [], 'no other image has replaced it');
  assert.equal(stale([{ ...replaced, tags: [contentTag, idTag] }], []), [
    [contentTag, 100],
    [idTag, 0],
  ]);
  const configTag = `tasks.invalid/app:sha256-${'3'.repeat(64)}`;
  assert.equal(stale([{ ...replaced, tags: [configTag] }, other], [key]), [[configTag, 100]]);
});

test.run();
