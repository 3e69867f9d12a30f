import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tempFolder, writeFiles } from '../support/temp.ts';

const test = suite('test runner');
const runner = path.resolve('scripts/test.mjs');

/** Runs the test runner on the given test files. */
function run(
  files: Readonly<Record<string, string>>,
  patterns: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
) {
  const folder = tempFolder();
  const head = "import { suite, test } from 'uvu';\n";
  writeFiles(folder, Object.fromEntries(Object.entries(files).map(([name, text]) => [name, head + text])));
  const { status, stdout } = spawnSync(process.execPath, [runner, '--tests', folder, ...patterns], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, stdout, last: stdout.trim().split('\n').at(-1) };
}
const good = "test('good', () => {});\ntest.run();\n";

/** [what goes wrong, the test file, the expected output] */
const faults: [string, string, RegExp][] = [
  ['a failing test', "test('bad', () => { throw new Error('x'); });\ntest.run();", /Error|FAIL/],
  ['a test that throws a string', "test('bad', () => { throw 'x'; });\ntest.run();", /threw string: x/],
  ['a forgotten run()', "test('never', () => {});", /never run \(1 tests\)/],
  [
    'a suite without its run()',
    `${good}const other = suite('other');\nother('never', () => {});`,
    /"other" was never run/,
  ],
  [
    'a before hook that throws',
    `test.before(() => { throw new Error('hook'); });\n${good}`,
    /hook before .* threw/,
  ],
  [
    'an after hook that throws',
    `test.after(() => { throw new Error('hook'); });\n${good}`,
    /hook after .* threw/,
  ],
  ['a file without tests', 'test.run();', /the file has no tests/],
  ['a file that throws', `${good}throw new Error('early');`, /never started|exit code/],
  [
    'a process that ends early',
    "test('bad', () => process.exit(0));\ntest.run();",
    /still running at the end/,
  ],
  ['an .only that was left in', "test.only('one', () => {});\ntest.run();", /\.only was left/],
  [
    'a promise that never settles',
    "test('bad', () => new Promise(() => {}));\ntest.run();",
    /still running at the end/,
  ],
];

for (const [what, text, output] of faults) {
  test(`${what} fails the run`, () => {
    const { status, stdout, last } = run({ 'a.test.ts': text, 'b.test.ts': good });
    assert.is(status, 1, stdout);
    assert.match(stdout, output);
    assert.match(last!, /^\d+ passed, [1-9]\d* failed$/);
  });
}

test('failures are repeated at the end, where who has only the end of a log finds them', () => {
  const failing = "test('bad', () => { throw new Error('the reason'); });\ntest.run();";
  const { stdout } = run({ 'a.test.ts': failing, 'b.test.ts': good });
  const end = stdout.slice(stdout.lastIndexOf('✖ '));
  assert.match(end, /a\.test\.ts\n.*FAIL.*"bad"[\s\S]*the reason/);
  assert.not.match(end, /b\.test\.ts/);
});

test('a server that a failed test leaves open does not keep the process of its file', () => {
  const failing = `import { createServer } from 'node:net';
test('bad', () => { createServer().listen(0); throw new Error('x'); });
test.run();`;
  const { status, stdout, last } = run({ 'a.test.ts': failing }, [], { TASKS_TEST_MINUTES: '0.2' });
  assert.is(status, 1);
  assert.match(stdout, /still open after a failed test: .*TCPServerWrap/);
  assert.not.match(stdout, /ended by/);
  assert.match(last!, /^0 passed, [1-9]\d* failed$/);
});

test('a pattern that matches no file fails the run', () => {
  assert.is(run({ 'a.test.ts': good }, ['tests/nothing']).status, 1);
});

test('passing tests exit with 0, and skipped tests are counted', () => {
  const { status, last } = run({ 'a.test.ts': `test.skip('later');\n${good}`, 'b.test.ts': good });
  assert.equal([status, last], [0, '2 passed, 0 failed, 1 skipped']);
});

test('where tests are skipped, the tools that are missing are named, with the command that installs them', () => {
  const files = { 'a.test.ts': `test.skip('needs fish');\n${good}` };
  const { stdout, last } = run(files, [], { PATH: tempFolder() });
  assert.match(stdout, / {2}skipped: needs fish\nmissing tools: .*\bfish\b.*run `npm run test:tools`\n/);
  assert.is(last, '1 passed, 0 failed, 1 skipped');
});

test.run();
