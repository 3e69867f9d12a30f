import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli } from '../support/cli.ts';
import { bashCompletionPackage, folderWithTasks, hasProgram, typeInto } from '../support/shells.ts';
import { tempFolder, writeFiles } from '../support/temp.ts';

const test = suite('e2e: shell completion');

const definitions = `import { command, profile, project } from 'image-tasks';
export default project({ profiles: ['debian'] });
console.log('definitions may print');
const versions = profile === 'debian' ? ['16', '17', '18'] : ['16', '17'];
export const base = command({ name: 'base', versions, run: ['true'], description: "the base: $HOME, \`x\`\\n'y'" });
export const tester = command({ name: 'exttester', run: ['true'] });
`;
const project = (): string => makeProject(definitions, { 'out/release.json': '', 'out/my file': '' });
const scriptOf = async (shell: string): Promise<string> => (await runCli(['completion', shell])).out;

/** [what completes, the typed line with Tab keys, the arguments that `tasks` gets] */
const lines: [string, string, string][] = [
  ['a command', 'tasks pl\t', '<plan>'],
  ['a name', 'tasks build ext\t', '<build> <exttester>'],
  ['a version after a colon', 'tasks why base:1\t6', '<why> <base:16>'],
  ['a version of a name that is complete', 'tasks why base\t:17\t', '<why> <base:17>'],
  ['a second argument', 'tasks why base:16 base:17\t', '<why> <base:16> <base:17>'],
  ['in single quotes', "tasks why 'base:1\t6'", '<why> <base:16>'],
  ['in double quotes', 'tasks why "base:1\t6"', '<why> <base:16>'],
  ['after an escaped colon', 'tasks why base\\:1\t7', '<why> <base:17>'],
  ['a selector with needs', 'tasks build +ba\t:16\t', '<build> <+base:16>'],
  ['a flag of the command', 'tasks build --fo\t', '<build> <--force>'],
  ['a flag before the command', 'tasks --prof\tdebian plan', '<--profile> <debian> <plan>'],
  ['a value', 'tasks graph --format sv\t', '<graph> <--format> <svg>'],
  ['a value after =', 'tasks graph --format=sv\t', '<graph> <--format=svg>'],
  ['a reporter', 'tasks build --reporter=gi\t ext\t', '<build> <--reporter=github> <exttester>'],
  ['a view', 'tasks test --view m\t', '<test> <--view> <matrix>'],
  ['a profile', 'tasks --profile deb\tplan', '<--profile> <debian> <plan>'],
  ['a task of a profile', 'tasks --profile debian logs base:18\t', '<--profile> <debian> <logs> <base:18>'],
  ['a file', 'tasks verify out/rel\t', '<verify> <out/release.json>'],
  ['a file after =', 'tasks graph --output=out/rel\t', '<graph> <--output=out/release.json>'],
  ['a shell', 'tasks completion install fi\t', '<completion> <install> <fish>'],
  ['a topic of help', 'tasks help gra\t', '<help> <graph>'],
];

/** Each way to set up a shell: its command, its environment, and why it cannot be tested here. */
interface Setup {
  readonly name: string;
  readonly lacks: string | undefined;
  prepare(): Promise<{ readonly shell: string; readonly env: Readonly<Record<string, string>> }>;
}

const lacking = (...programs: string[]): string | undefined => {
  const missing = ['script', ...programs].find((name) => !hasProgram(name));
  return missing === undefined ? undefined : `${missing} is not installed`;
};
const bashRc = "PS1='READY> '\nbind 'set enable-bracketed-paste off'\n";

const setups: Setup[] = [
  {
    name: 'bash without bash-completion',
    lacks: lacking('bash'),
    async prepare() {
      const folder = tempFolder();
      writeFiles(folder, { rc: `${bashRc}${await scriptOf('bash')}` });
      return { shell: `bash --rcfile ${folder}/rc -i`, env: {} };
    },
  },
  {
    name: 'bash with bash-completion',
    lacks:
      lacking('bash') ??
      (bashCompletionPackage === undefined ? 'bash-completion is not installed' : undefined),
    async prepare() {
      const folder = tempFolder();
      writeFiles(folder, { rc: `${bashRc}source ${bashCompletionPackage}\n` });
      const env = { XDG_DATA_HOME: path.join(folder, 'data') };
      assert.is((await runCli(['completion', 'install', 'bash'], { env })).code, 0);
      return { shell: `bash --rcfile ${folder}/rc -i`, env };
    },
  },
  {
    name: 'bash that does not split words at colons',
    lacks: lacking('bash'),
    async prepare() {
      const folder = tempFolder();
      const rc = `${bashRc}COMP_WORDBREAKS=\${COMP_WORDBREAKS//:}\n${await scriptOf('bash')}`;
      writeFiles(folder, { rc });
      return { shell: `bash --rcfile ${folder}/rc -i`, env: {} };
    },
  },
  {
    name: 'zsh with the function in fpath',
    lacks: lacking('zsh'),
    async prepare() {
      const folder = tempFolder();
      writeFiles(folder, {
        'functions/_tasks': await scriptOf('zsh'),
        '.zshrc': `PS1='READY> '\nfpath=(${folder}/functions $fpath)\nautoload -U compinit; compinit -u\n`,
      });
      return { shell: 'zsh -i', env: { ZDOTDIR: folder } };
    },
  },
  {
    name: 'zsh with the script sourced',
    lacks: lacking('zsh'),
    async prepare() {
      const folder = tempFolder();
      const rc = `PS1='READY> '\nautoload -U compinit; compinit -u\n${await scriptOf('zsh')}`;
      writeFiles(folder, { '.zshrc': rc });
      return { shell: 'zsh -i', env: { ZDOTDIR: folder } };
    },
  },
];

for (const { name, lacks, prepare } of setups) {
  if (lacks !== undefined) test.skip(`${name} (skipped: ${lacks})`);
  else
    test(`${name} completes what is typed`, async () => {
      const { shell, env } = await prepare();
      const PATH = `${folderWithTasks()}:${process.env.PATH}`;
      const session = { shell, cwd: project(), env: { ...env, PATH } };
      const ran = await typeInto(
        session,
        lines.map(([, line]) => line),
      );
      assert.equal(
        ran,
        lines.map(([, , expected]) => expected),
      );
    });
}

const fishLacks = hasProgram('fish') ? undefined : 'fish is not installed';
if (fishLacks !== undefined) test.skip(`fish (skipped: ${fishLacks})`);
else
  test('fish completes with the installed file', async () => {
    const folder = tempFolder();
    const env = {
      XDG_CONFIG_HOME: path.join(folder, 'config'),
      XDG_DATA_HOME: path.join(folder, 'data'),
      HOME: folder,
      PATH: `${folderWithTasks()}:${process.env.PATH}`,
    };
    assert.is((await runCli(['completion', 'install', 'fish'], { env })).code, 0);
    const cwd = project();
    const complete = (line: string): string[] => {
      const { stdout } = spawnSync('fish', ['-c', 'complete -C "$argv"', '--', line], { cwd, env });
      return stdout.toString().split('\n').filter(Boolean);
    };
    assert.equal(complete('tasks why base:'), [
      "base:16\tthe base: $HOME, `x` 'y'",
      "base:17\tthe base: $HOME, `x` 'y'",
    ]);
    for (const [what, line, expected] of lines) {
      const [typed] = line.split('\t');
      const last = expected.match(/<([^>]*)>$/)![1]!;
      // Fish takes an escaped colon and quotes for what they stand for.
      if (line.split('\t')[1] !== '') continue;
      assert.ok(
        complete(typed!).some((each) => each.split('\t')[0] === last),
        `${what}: ${typed}: ${complete(typed!)}`,
      );
    }
    assert.equal(complete("tasks why 'base:1").length, 2);
    assert.equal(
      complete('tasks -C ou').map((each) => each.split('\t')[0]),
      ['out/'],
    );
  });

if (!hasProgram('bash')) test.skip('without tasks in PATH (skipped: bash is not installed)');
else
  test('where the shell finds no tasks, npx completes with that of the project, and installs nothing', async () => {
    const folder = tempFolder();
    writeFiles(folder, { rc: `${bashRc}${await scriptOf('bash')}tasks() { npx tasks "$@"; }\n` });
    const npx = folderWithTasks('npx', 3);
    const session = {
      shell: `bash --rcfile ${folder}/rc -i`,
      cwd: project(),
      env: { PATH: `${npx}:/usr/bin:/bin` },
    };
    await typeInto(session, ['tasks pl\t']);
    const [call] = readFileSync(path.join(npx, 'calls'), 'utf8').split('\n');
    assert.match(call!, /^--offline --no-install tasks complete bash -- pl$/);
  });

test('definitions that cannot be loaded do not disturb completion', async () => {
  const cwd = makeProject('export const a = ;', {});
  const { out, code } = await runCli(['complete', 'zsh', '--', 'build', '--for'], { cwd });
  assert.match(out, /^--force\t/m);
  assert.is(code, 0);
  const none = await runCli(['complete', 'zsh', '--', 'build', ''], { cwd });
  assert.equal([none.code, none.out, none.err], [0, '', '']);
});

test('an unknown shell is exit code 2 and names the shells', async () => {
  for (const args of [
    ['completion', 'nosh'],
    ['completion', 'install', 'nosh'],
  ]) {
    const { code, err } = await runCli(args);
    assert.is(code, 2);
    assert.match(err, /"nosh".*\nhint: expected one of bash, zsh, fish, powershell/);
  }
  const { code, err } = await runCli(['completion', 'install']);
  assert.is(code, 2);
  assert.match(err, /SHELL is not set.*\nhint: .*`tasks completion install bash`/);
});

test('install writes only the file of the shell, says which, and replaces its own', async () => {
  const home = tempFolder();
  const env = { HOME: home, SHELL: '/bin/bash' };
  const file = path.join(home, '.local/share/bash-completion/completions/tasks');
  writeFiles(home, {
    '.local/share/bash-completion/completions/tasks': `${await scriptOf('bash')}# older\n`,
  });
  const { code, out, err } = await runCli(['completion', 'install'], { env });
  assert.equal([code, out], [0, `${file}\n`]);
  assert.match(err, new RegExp(`^next: start a new shell[\\s\\S]*~/\\.bashrc:\n  source ${file}\n$`));
  assert.is(readFileSync(file, 'utf8'), await scriptOf('bash'));
  for (const name of ['.bashrc', '.bash_profile', '.profile'])
    assert.not.ok(existsSync(path.join(home, name)));
  const folder = tempFolder();
  const inFolder = await runCli(['completion', 'install', 'bash'], {
    env: { HOME: home, BASH_COMPLETION_USER_DIR: folder },
  });
  assert.is(inFolder.out, `${folder}/completions/tasks\n`);
  const fish = await runCli(['completion', 'install', 'fish'], { env });
  assert.is(fish.out, `${home}/.config/fish/completions/tasks.fish\n`);
});

test('install does not replace the file or the link of someone else', async () => {
  const home = tempFolder();
  const folder = path.join(home, '.config/fish/completions');
  writeFiles(home, {
    '.config/fish/completions/tasks.fish': 'complete -c tasks -a mine\n',
    ours: await scriptOf('fish'),
  });
  const env = { HOME: home };
  const result = await runCli(['completion', 'install', 'fish'], { env });
  assert.is(result.code, 2);
  assert.match(
    result.err,
    /tasks\.fish exists and was not written by tasks: nothing was changed\nhint: move it away/,
  );
  assert.is(readFileSync(path.join(folder, 'tasks.fish'), 'utf8'), 'complete -c tasks -a mine\n');
  const other = path.join(tempFolder(), 'fish/completions');
  mkdirSync(other, { recursive: true });
  symlinkSync(path.join(home, 'ours'), path.join(other, 'tasks.fish'));
  const linked = await runCli(['completion', 'install', 'fish'], {
    env: { HOME: home, XDG_CONFIG_HOME: path.resolve(other, '../..') },
  });
  assert.is(linked.code, 2);
  assert.is(readlinkSync(path.join(other, 'tasks.fish')), path.join(home, 'ours'));
});

test('install for zsh uses the first folder for site functions that can be written, or says what to do', async () => {
  const bin = tempFolder();
  const folder = path.join(tempFolder(), 'site-functions');
  mkdirSync(folder);
  const fakeZsh = (folders: string[]): Record<string, string> => {
    writeFileSync(path.join(bin, 'zsh'), `#!/bin/sh\nprintf '%s\\n' ${folders.join(' ')}\n`, { mode: 0o755 });
    return { PATH: `${bin}:/usr/bin:/bin` };
  };
  const { code, out, err } = await runCli(['completion', 'install', 'zsh'], {
    env: fakeZsh(['/nowhere/site-functions', '/tmp', folder]),
  });
  assert.equal([code, out], [0, `${folder}/_tasks\n`], err);
  assert.is(readFileSync(path.join(folder, '_tasks'), 'utf8'), await scriptOf('zsh'));
  const refused = await runCli(['completion', 'install', 'zsh'], {
    env: fakeZsh(['/nowhere/site-functions']),
  });
  assert.is(refused.code, 3);
  assert.match(refused.err, /no folder that you can write to: \/nowhere\/site-functions\nhint: .*\n.*fpath=/);
  const missing = await runCli(['completion', 'install', 'zsh'], { env: { PATH: tempFolder() } });
  assert.equal([missing.code, missing.err.split('\n')[0]], [3, 'error: zsh is not installed']);
});

test.run();
