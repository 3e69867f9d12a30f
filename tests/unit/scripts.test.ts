import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('scripts and the README');

/** Files in the tree, new ones included. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((file) => existsSync(file));
const scripts = files.filter((file) => /^#!.*\b(sh|bash)\n/.test(readFileSync(file, 'utf8').slice(0, 100)));
const hasShellcheck = spawnSync('shellcheck', ['--version']).status === 0;

test('there are scripts to look at', () => {
  assert.ok(scripts.includes('.ci/run'));
  assert.ok(scripts.some((file) => file.startsWith('images/')));
});

if (hasShellcheck) {
  test('shellcheck has nothing to say', () => {
    const { status, stdout } = spawnSync('shellcheck', scripts, { encoding: 'utf8' });
    assert.is(status, 0, stdout);
  });
} else test.skip('shellcheck has nothing to say (skipped: shellcheck is not installed)');

test("the README's two commands are the ones that CI runs", () => {
  const commands = [...readFileSync('README.md', 'utf8').matchAll(/^```sh\n(npm ci && .*)\n```$/gm)].map(
    (match) => match[1]!,
  );
  const ci = readFileSync('.ci/run', 'utf8').split('\n');
  assert.is(commands.length, 2);
  for (const command of commands) assert.ok(ci.includes(command), command);
});

test('the bundled program is plain ASCII: it is read as if every byte were a character', () => {
  assert.ok(readFileSync('dist/program.js').every((byte) => byte < 128));
});

test('a picture of a screen: each word at its column, in its colour, and nothing of it is markup', () => {
  const input = '\u001b[1mtasks\u001b[0m build\n\u001b[32m✔\u001b[39m a:1  <b> \u001b[2m&\u001b[22m\n';
  const svg = execFileSync('node', ['scripts/picture.mjs', 'At <work>'], { input, encoding: 'utf8' });
  const texts = [...svg.matchAll(/<text x="([\d.]+)" y="\d+" textLength="[\d.]+" (.*?)>(.*?)<\/text>/g)];
  assert.equal(
    texts.map(([, x, look, words]) => [Math.round((Number(x) - 18) / 8.4), look, words]),
    [
      [0, 'fill="#d5dbe3" font-weight="bold"', 'tasks'],
      [6, 'fill="#d5dbe3"', 'build'],
      [0, 'fill="#56d364"', '✔'],
      [2, 'fill="#d5dbe3"', 'a:1'],
      [7, 'fill="#d5dbe3"', '&lt;b&gt;'],
      [11, 'fill="#d5dbe3" opacity="0.6"', '&amp;'],
    ],
  );
  assert.match(svg, '<title>At &lt;work&gt;</title>');
});

test.run();
