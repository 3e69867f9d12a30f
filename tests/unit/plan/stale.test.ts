import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyLabel, taskLabel } from '../../../src/model/labels.ts';
import type { EngineImage } from '../../../src/model/ports.ts';
import { staleTags } from '../../../src/plan/stale.ts';

const test = suite('content tags that are of no use any more');

const now = new Date(Date.UTC(2026, 10, 24));
const key = 'a'.repeat(64);
const own = `team/app:1.0-k${'a'.repeat(12)}`;
const old = now.getTime() - 8 * 86_400_000;
const image = (more: Partial<EngineImage> = {}): EngineImage => ({
  id: 'sha256:1',
  tags: [own],
  labels: { [keyLabel]: key, [taskLabel]: 'app:1.0' },
  bytes: 100,
  created: old,
  ...more,
});
const stale = (images: readonly EngineImage[], keys: readonly string[] = []): [string, number][] =>
  staleTags(images, {
    naming: { repo: 'team', suffix: '', timed: false },
    names: new Set(['app']),
    keys: new Set(keys),
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
  assert.equal(stale([image({ tags: [own.replace('team', 'others'), 'team/app:1.0'] })]), []);
  assert.equal(
    stale([image({ tags: [`team/app:1.0-k${'b'.repeat(12)}`] })]),
    [],
    'a moved tag of another key',
  );
});

test.run();
