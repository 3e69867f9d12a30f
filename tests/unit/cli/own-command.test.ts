import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errorText } from '../../../src/cli/error-text.ts';
import { ownCommand } from '../../../src/cli/own-command.ts';
import { EngineUnavailable, TasksError } from '../../../src/model/errors.ts';
import { nextCommand } from '../../../src/report/next-command.ts';

const test = suite('cli/own-command');

/** [what the user typed, the environment, how commands begin] */
const typed: [string[], Record<string, string>, string][] = [
  [['build'], {}, 'tasks'],
  [['build'], { npm_command: 'exec', npm_lifecycle_event: 'npx' }, 'npx tasks'],
  [['build'], { npm_command: 'run-script', npm_lifecycle_event: 'images' }, 'npx tasks'],
  [['build'], { npm_config_user_agent: 'npm' }, 'tasks'],
  [['-C', '../other', 'build', '-k'], {}, 'tasks -C ../other'],
  [['build', '--directory=my dir', 'x'], {}, "tasks -C 'my dir'"],
  [['build', '--profile', "it's"], {}, "tasks --profile 'it'\\''s'"],
  [['build', '--profile=debian'], { TASKS_PROFILE: 'other' }, 'tasks --profile debian'],
  [['build'], { TASKS_PROFILE: 'debian', npm_command: 'exec' }, 'npx tasks --profile debian'],
  [['build', '--suffix', '-C'], {}, 'tasks'],
];

test('commands in messages begin as the user began: npx, the project, the profile', () => {
  for (const [argv, environment, start] of typed) {
    const { pasteable } = ownCommand(argv, environment);
    assert.is(pasteable('run `tasks doctor --fix`, or not'), `run \`${start} doctor --fix\`, or not`);
    assert.is(pasteable('next: tasks push   # sets the tags'), `next: ${start} push   # sets the tags`);
    const next = { failed: undefined, isInterrupted: true, isTestable: false };
    assert.is(
      pasteable(`next: ${nextCommand(next, ["a*'b"])}`).split('   ')[0],
      `next: ${start} build 'a*'\\''b'`,
    );
  }
});

test('errors and their hints are pasteable', () => {
  const own = ownCommand(['-C', 'a'], { npm_command: 'exec' });
  const error = new EngineUnavailable('no engine', { hint: 'run `tasks doctor`', cause: undefined });
  assert.is(errorText(error, own), 'error: no engine\nhint: run `npx tasks -C a doctor`\n');
  assert.is(errorText(new TasksError(1, 'x'), own), 'error: x\n');
});

test('other text is left alone', () => {
  const { pasteable } = ownCommand([], { npm_command: 'exec' });
  for (const text of ['3 tasks build', 'tasks build', '`tasks`', 'the tasks.json', '`tasks frobnicate`'])
    assert.is(pasteable(text), text);
});

test('examples name the program only', () => {
  const { examples } = ownCommand(['-C', 'a'], { npm_command: 'exec' });
  assert.is(examples('RELEASE=1 tasks build   all tasks'), 'RELEASE=1 npx tasks build   all tasks');
});

test.run();
