import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli } from '../support/cli.ts';
import { tempFolder } from '../support/temp.ts';

const test = suite('e2e: reproduce');

test('reproduce names an undeclared file that a command reads', async () => {
  const cwd = makeProject(
    `import { command } from 'image-tasks';
export const doc = command({ name: 'doc', run: ['./make'], inputs: ['in'] });
export const time = command({ name: 'time', run: ['./time'] });
`,
    {
      'make*': '#!/bin/sh\ncat in/a extra.txt > "$TASKS_OUT/doc"\n',
      'time*': '#!/bin/sh\necho $$ > "$TASKS_OUT/t"\n',
      'in/a': 'a',
      'extra.txt': 'one',
      'other.txt': '',
    },
  );
  assert.is((await runCli(['build'], { cwd })).code, 0);
  const good = await runCli(['reproduce', 'doc'], { cwd });
  assert.equal([good.code, good.out.split('\n')[0]], [0, '✔ doc:latest  identical']);
  writeFileSync(path.join(cwd, 'extra.txt'), 'two');
  writeFileSync(path.join(cwd, 'other.txt'), 'two');
  assert.match((await runCli(['plan'], { cwd })).out, /2 tasks: 2 up to date/);
  const { code, out } = await runCli(['reproduce'], { cwd });
  assert.is(code, 1);
  assert.match(
    out,
    /^✖ doc:latest {2}different files: doc\n {4}undeclared files that it mentions changed: extra\.txt\n/,
  );
  assert.match(
    out,
    /\n· time:latest {2}inconclusive: two runs in a row wrote different files: t\n0 of 1 rebuilt tasks gave the same result/,
  );
  // `audit` is the former name of the command.
  const { audited } = JSON.parse((await runCli(['audit', 'doc', '--json'], { cwd })).out) as {
    audited: object[];
  };
  assert.equal(audited, [
    {
      id: 'doc:latest',
      ran: [],
      differing: ['doc'],
      evidence: ['undeclared files that it mentions changed: extra.txt'],
      verdict: 'other',
    },
  ]);
  assert.is((await runCli(['build'], { cwd })).code, 0);
});

test('reproduce says so if no file in the project can be the cause', async () => {
  const outside = path.join(tempFolder(), 'outside');
  writeFileSync(outside, 'one');
  const cwd = makeProject(
    `import { command } from 'image-tasks';
export const doc = command({ name: 'doc', run: ['./make'] });
`,
    { 'make*': `#!/bin/sh\ncp ${outside} "$TASKS_OUT/doc"\n` },
  );
  assert.is((await runCli(['build'], { cwd })).code, 0);
  writeFileSync(outside, 'two');
  assert.match(
    (await runCli(['reproduce'], { cwd })).out,
    /\n {4}no undeclared file in the project changed; the cause may be a deleted file, a file outside the project, or the time\n/,
  );
});

test.run();
