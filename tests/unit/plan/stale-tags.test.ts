import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyLabel, taskLabel } from '../../../src/model/labels.ts';
import type { EngineImage } from '../../../src/model/ports.ts';
import { staleTags } from '../../../src/plan/stale-tags.ts';

const test = suite('content tags that are of no use any more');

const now = new Date(Date.UTC(2026, 10, 24));
const key = 'a'.repeat(64);
const own = `tasks.invalid/app:1.0-k${'a'.repeat(12)}`;
const inRegistry = own.replace('tasks.invalid', 'team');
const old = now.getTime() - 8 * 86_400_000;
const image = (more: Partial<EngineImage> = {}): EngineImage => ({
  id: 'sha256:1',
  tags: [own],
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

test('the content tag of an old key goes, and its bytes are free where it is the last tag', () => {
  assert.equal(stale([image()]), [[own, 100]]);
  assert.equal(stale([image({ tags: ['team/app:1.0', own] })]), [[own, 0]]);
});

test('known keys, recent images, other names, other repositories and tags that are none of ours stay', () => {
  assert.equal(stale([image()], [key]), []);
  assert.equal(stale([image({ created: now.getTime() })]), []);
  assert.equal(stale([image({ labels: { [keyLabel]: key, [taskLabel]: 'other:1.0' } })]), []);
  assert.equal(stale([image({ labels: {} })]), []);
  assert.equal(stale([image({ tags: [inRegistry.replace('team', 'others'), 'team/app:1.0'] })]), []);
  assert.equal(
    stale([image({ tags: [own.replaceAll('a'.repeat(12), 'b'.repeat(12))] })]),
    [],
    'a moved tag of another key',
  );
});

test('the name that a push, or a version before neutral names, left goes with it', () => {
  assert.equal(stale([image({ tags: [inRegistry, own] })]), [
    [inRegistry, 100],
    [own, 0],
  ]);
});

test('the tag that kept an image for builds on it goes once another image of its key has taken its place', () => {
  const kept = `${own}-i${'1'.padEnd(12, '0')}`;
  const replaced = image({ id: `sha256:1${'0'.repeat(63)}`, tags: [kept] });
  const other = image({ id: 'sha256:2', tags: [own] });
  assert.equal(stale([replaced, other], [key]), [[kept, 100]]);
  assert.equal(stale([replaced, other], [key], [replaced.id]), [], 'the plan uses it');
  assert.equal(stale([replaced], [key]), [], 'no other image has taken its place');
  assert.equal(stale([{ ...replaced, tags: [own, kept] }], []), [
    [own, 100],
    [kept, 0],
  ]);
});

test.run();
