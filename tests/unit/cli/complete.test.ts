import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { complete, type ProjectWords } from '../../../src/cli/complete.ts';
import type { ProjectFlags } from '../../../src/cli/typed-line.ts';
import { unquote } from '../../../src/cli/unquote.ts';

const test = suite('cli/complete');

const task = (name: string, version: string) => ({ name, id: `${name}:${version}`, description: '' });
const project: ProjectWords = {
  tasks: [task('base', '16'), task('base', '17'), task('ext', '17'), task('exttester', 'latest')],
  profiles: ['default', 'debian'],
};

/** Returns the candidates that begin like the last word, as shells do; or the kind of path. */
async function offered(...words: string[]): Promise<string[] | string> {
  const completion = await complete(words, async () => project);
  if ('paths' in completion) return completion.prefix + completion.paths;
  const start = words.at(-1)!;
  return completion.candidates.map(([word]) => word).filter((word) => word.startsWith(start));
}

test('the first word is a command, and what follows depends on it', async () => {
  assert.equal(await offered('pl'), ['plan']);
  assert.equal(await offered('help', 'wh'), ['why']);
  assert.equal(await offered('help', 'why', ''), []);
  assert.equal(await offered('nosuch', ''), []);
  assert.equal(await offered('lock', ''), []);
  assert.equal(await offered('completion', ''), ['bash', 'zsh', 'fish', 'powershell', 'install']);
  assert.is(await offered('verify', ''), 'files');
});

test('names come first, and versions once the name is clear', async () => {
  assert.equal(await offered('build', ''), ['base', 'ext', 'exttester']);
  assert.equal(await offered('build', 'b'), ['base', 'base:16', 'base:17']);
  assert.equal(await offered('build', 'base:'), ['base:16', 'base:17']);
  assert.equal(await offered('build', 'ex'), ['ext', 'exttester']);
  assert.equal(await offered('build', 'extt'), ['exttester']);
  assert.equal(await offered('build', 'exttester:'), ['exttester:latest']);
  assert.equal(await offered('build', '+base:'), ['+base:16', '+base:17']);
});

test('as many arguments are completed as the command has', async () => {
  assert.equal(await offered('build', 'base', 'base', 'ext:'), ['ext:17']);
  assert.equal(await offered('why', 'base:16', 'ext:'), ['ext:17']);
  assert.equal(await offered('why', 'base:16', 'ext:17', ''), []);
  assert.equal(await offered('audit', 'ext:'), ['ext:17']);
});

test('flags are those of the command, its own first', async () => {
  const flags = await offered('build', '--');
  assert.is(flags[0], '--dry-run');
  assert.ok(flags.includes('--jobs') && flags.includes('--profile') && flags.includes('--help'));
  assert.not.ok(flags.includes('--release'));
  assert.equal(await offered('--'), ['--directory', '--profile', '--version', '--help']);
  assert.equal(await offered('build', '--', '--'), [], 'after -- there are no flags');
});

test('values of flags are completed, after a space and after =', async () => {
  assert.equal(await offered('build', '--view', ''), ['list', 'matrix']);
  assert.equal(await offered('build', '--view=m'), ['--view=matrix']);
  assert.equal(await offered('build', '--reporter', 's'), ['silent']);
  assert.equal(await offered('graph', '--format', 'd'), ['dot']);
  assert.equal(await offered('--profile', ''), ['default', 'debian']);
  assert.is(await offered('-C', ''), 'folders');
  assert.is(await offered('build', '--trace=x'), '--trace=files');
  assert.equal(await offered('build', '--suffix', ''), []);
  assert.equal(await offered('plan', '--view='), [], 'plan has no --view');
  assert.is(await offered('clean', '--keep', 'a.json', ''), 'files');
  assert.equal(await offered('clean', '--keep', 'a.json', '--dry'), ['--dry-run']);
  assert.equal(await offered('build', '-j4', 'ext:'), ['ext:17']);
  assert.equal(await offered('build', '-k', 'ext:'), ['ext:17']);
});

test('the project is that of -C and --profile, wherever they are on the line', async () => {
  const read: ProjectFlags[] = [];
  for (const words of [
    ['-C', 'a', '--profile=b', 'build', ''],
    ['build', '-Ca', '--profile', 'b', ''],
    ['build', '--suffix', '--profile', '--directory', 'a', '--profile', 'b', ''],
  ])
    await complete(words, async (flags) => {
      read.push(flags);
      return project;
    });
  assert.equal(read, Array(3).fill({ directory: 'a', profile: 'b' }));
});

test('words of a shell stand for what they mean, also while a quote is open', () => {
  const words = [
    ["'base:1", 'base:1'],
    ["'a b'c", 'a bc'],
    ['"a\\"b $x"', 'a"b $x'],
    ['"a\\n', 'a\\n'],
    ['base\\:1\\', 'base:1'],
    ['$(rm)', '$(rm)'],
    ['', ''],
  ];
  for (const [word, expected] of words) assert.is(unquote(word!), expected, word);
});

test.run();
