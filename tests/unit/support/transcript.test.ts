import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { comparable, readTranscript, withOutputs } from '../../support/transcript.ts';

const test = suite('commands and outputs in a README');

const page = `# Title

\`\`\`sh
not a transcript
\`\`\`

\`\`\`console
$ first
one
$ second
\`\`\`

Text.

\`\`\`console
$ third
three
\`\`\`
`;

test('a transcript has the commands of all console blocks, with their output', () => {
  assert.equal(readTranscript(page), [
    { command: 'first', output: 'one\n' },
    { command: 'second', output: '' },
    { command: 'third', output: 'three\n' },
  ]);
});

test('new outputs replace the old ones, and nothing else changes', () => {
  const changed = withOutputs(page, ['one\n', 'two\n', '']);
  assert.is(changed, page.replace('$ second\n', '$ second\ntwo\n').replace('$ third\nthree\n', '$ third\n'));
});

test('outputs are equal if only times, sizes, tags, estimates and the order of tasks differ', () => {
  const one =
    'tasks build   2 tasks: 2 to build · 2 jobs · about 1.5 s\n✔ a:1  built in 0.5 s, 14 B\n✔ b:1  built in 1 m 2 s, 2.0 MB\n  slowest: b:1 1 m 2 s\nlocal/a:1-dev202611282343\n';
  const other =
    'tasks build   2 tasks: 2 to build · 8 jobs\n✔ b:1  built in 0.1 s, 2.1 MB\n✔ a:1  built in 0.7 s, 14 B\nlocal/a:1-dev202711282343\n';
  assert.is(comparable(one), comparable(other));
  for (const changed of ['a:2', 'failed', '3 to build'])
    assert.is.not(comparable(one), comparable(other.replace(/a:1|built|2 to build/, changed)), changed);
});

test.run();
