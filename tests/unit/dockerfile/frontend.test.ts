import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { frontendKindOf, readsNamedContexts } from '../../../src/dockerfile/frontend.ts';

const test = suite('whether a Dockerfile is read by a frontend with named contexts');
const digest = `sha256:${'d'.repeat(64)}`;

test("without a syntax line, the engine's own frontend decides", () => {
  for (const text of [
    'FROM a\n',
    '# escape=`\nFROM a\n',
    '# a comment\n# syntax=docker/dockerfile:1.0\nFROM a\n',
    '',
  ])
    assert.equal([readsNamedContexts(text, true), readsNamedContexts(text, false)], [true, false]);
});

const images: Readonly<Record<string, boolean>> = {
  'docker/dockerfile': true,
  'docker/dockerfile:1': true,
  'docker/dockerfile:latest': true,
  'docker/dockerfile:labs': true,
  'docker/dockerfile:1-labs': true,
  'docker/dockerfile:1.4': true,
  'docker/dockerfile:1.4.0': true,
  'docker/dockerfile:1.10': true,
  'docker/dockerfile:1.20.3-labs': true,
  'docker.io/docker/dockerfile:1.4': true,
  [`docker/dockerfile:1.4@${digest}`]: true,
  'docker/dockerfile:1.3': false,
  'docker/dockerfile:1.3-labs': false,
  'docker/dockerfile:1.0.0': false,
  'docker/dockerfile:experimental': false,
  'docker/dockerfile:2.5': false,
  'docker/dockerfile:1.4-other': false,
  [`docker/dockerfile@${digest}`]: false,
  'docker/dockerfile-upstream:master': false,
  'mirror.example/docker/dockerfile:1.4': false,
  'team/other:1.4': false,
};
for (const [image, expected] of Object.entries(images))
  test(`${image}: ${expected}, whatever the engine has`, () => {
    for (const builtIn of [true, false]) {
      assert.is(readsNamedContexts(`# syntax=${image}\nFROM a\n`, builtIn), expected);
      assert.is(readsNamedContexts(`#syntax = ${image}\r\nFROM a\r\n`, builtIn), expected);
    }
  });

test('a version that is known to be too old is told apart from what is not known', () => {
  const frontends = ['1.3', '1.0.0', '1.4', 'experimental'].map((tag) =>
    frontendKindOf(`# syntax=docker/dockerfile:${tag}\nFROM a\n`),
  );
  assert.equal(frontends, ['old', 'old', 'new', 'unknown']);
  assert.is(frontendKindOf('# syntax=team/other:1.4\nFROM a\n'), 'unknown');
  assert.is(frontendKindOf('FROM a\n'), 'engine');
});

test('a syntax line that older engines do not find, or find another, is not relied on', () => {
  const line = 'syntax=docker/dockerfile:1';
  for (const text of [
    `\uFEFF# ${line}\nFROM a\n`,
    `#!/usr/bin/x\n# ${line}\nFROM a\n`,
    `// ${line}\nFROM a\n`,
  ])
    assert.is(readsNamedContexts(text, true), false, JSON.stringify(text));
});

test.run();
