import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyLabel, taskLabel } from '../../../src/model/labels.ts';
import type { EngineImage } from '../../../src/model/ports.ts';
import { oldDevTags } from '../../../src/plan/old-dev-tags.ts';

const test = suite('old dev tags');

const now = new Date(Date.UTC(2026, 10, 28, 12));
const image = (id: string, tags: readonly string[], more: Partial<EngineImage> = {}): EngineImage => ({
  id,
  tags,
  labels: { [keyLabel]: 'a'.repeat(64), [taskLabel]: 'app:1.0' },
  bytes: 100,
  created: 0,
  ...more,
});
const old = (
  images: readonly EngineImage[],
  { recorded = [], repo = 'team' }: { recorded?: readonly string[]; repo?: string } = {},
): [string, number][] =>
  oldDevTags(images, {
    naming: { repo, suffix: '', timed: false },
    names: new Set(['app']),
    recorded: new Set(recorded),
    now,
  }).map(({ tag, bytes }) => [tag, bytes]);

const [first, second, third] = ['202611281000', '202611281100', '202611281159'].map(
  (timestamp) => `team/app:1.0-dev${timestamp}`,
) as [string, string, string];

test('replaced tags are removed, the newest is kept', () => {
  assert.equal(old([image('1', [first]), image('2', [second]), image('3', [third])]), [
    [first, 100],
    [second, 100],
  ]);
});

test('the newest tag is removed after a week', () => {
  assert.equal(old([image('1', ['team/app:1.0-dev202611211200'])]), []);
  assert.equal(old([image('1', ['team/app:1.0-dev202611211159'])]), [['team/app:1.0-dev202611211159', 100]]);
});

test('a tag from the future does not replace others', () => {
  const ahead = 'team/app:1.0-dev209901010000';
  assert.equal(old([image('1', [first]), image('2', [second]), image('3', [ahead])]), [[first, 100]]);
});

test('tags in records are kept', () => {
  assert.equal(old([image('1', [first]), image('2', [second])], { recorded: [first] }), []);
  const ancient = 'team/app:1.0-dev202001010000';
  assert.equal(old([image('1', [ancient])], { recorded: [ancient] }), []);
});

test('the size is counted once, if all tags of an image are removed', () => {
  assert.equal(old([image('1', [first, second]), image('2', [third])]), [
    [first, 0],
    [second, 100],
  ]);
  assert.equal(old([image('1', ['tasks.invalid/app:1.0-kaaaaaaaaaaaa', first]), image('2', [third])]), [
    [first, 0],
  ]);
});

test('a tag of another version does not replace a tag', () => {
  const other = image('2', ['team/app:2.0-dev202611281159'], {
    labels: { [keyLabel]: 'b', [taskLabel]: 'app:2.0' },
  });
  assert.equal(old([image('1', [first]), other]), []);
});

test('unlabeled images, other projects, other repositories and other tags are kept', () => {
  const ancient = 'team/app:1.0-dev202001010000';
  assert.equal(old([image('1', [ancient], { labels: {} })]), []);
  assert.equal(old([image('1', [ancient], { labels: { [keyLabel]: 'a', [taskLabel]: 'other:1.0' } })]), []);
  assert.equal(old([image('1', [ancient])], { repo: 'others' }), []);
  assert.equal(
    old([image('1', ['team/app:1.0', 'team/app:1.0-dev2020', 'team/app2:1.0-dev202001010000'])]),
    [],
  );
  assert.equal(old([image('1', ['app:1.0-dev202001010000'])], { repo: 'docker.io/library' }).length, 1);
});

test.run();
