import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findUnpinnedFetches } from '../../../src/dockerfile/unpinned-fetches.ts';
import { purityGrade } from '../../../src/report/reproduce.ts';

const test = suite('unpinned fetches');
const found = (text: string): string[] =>
  findUnpinnedFetches([{ name: '0 1', line: 3, text }]).map(({ what, text: detail }) => `${what}: ${detail}`);

test('a download piped into a shell is found', () => {
  for (const text of [
    'RUN curl -fsSL https://e/x | sh',
    'RUN wget -qO- https://e | sudo bash -s',
    'RUN a && curl e |sh',
  ])
    assert.match(found(text).join(), /piped download/, text);
  for (const text of ['RUN curl -o x https://e && sh x', 'RUN curl e | tar x', 'COPY curl |sh'])
    assert.equal(found(text), [], text);
});

test('packages without a version are found', () => {
  assert.equal(
    found('RUN apt-get update && apt-get install -y --no-install-recommends curl=7.1 git && rm -rf /x'),
    ['package without version: git'],
  );
  assert.equal(found('RUN apk add --no-cache bash perl=5.1-r0'), ['package without version: bash']);
  assert.equal(found('RUN pip install --no-cache-dir a==1 b'), ['package without version: b']);
  assert.equal(found('RUN pip install -r requirements.txt'), []);
  assert.equal(found('RUN apt-get install $PACKAGES'), []);
});

test('the grade depends on the worst finding', () => {
  const none = { dockerfile: 'd', bases: 0, downloads: 0, piped: 0, packages: 0 };
  assert.equal(
    [
      none,
      { ...none, bases: 1 },
      { ...none, packages: 2 },
      { ...none, downloads: 1 },
      { ...none, piped: 1 },
    ].map(purityGrade),
    ['A', 'B', 'B', 'C', 'D'],
  );
});

test.run();
