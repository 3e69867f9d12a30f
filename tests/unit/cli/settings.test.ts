import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readSettings, type SettingsInput, type SharedFlags } from '../../../src/cli/settings.ts';
import type { TasksError } from '../../../src/model/errors.ts';

const test = suite('settings: flags and environment, checked once');

const input = (environment: SettingsInput['environment'] = {}, isTerminal = true): SettingsInput => ({
  environment,
  cwd: '/start',
  outIsTerminal: isTerminal,
  errIsTerminal: isTerminal,
});

const read = (flags: SharedFlags = {}, environment = {}, isTerminal = true) =>
  readSettings(flags, input(environment, isTerminal));

test('flags win over the environment', () => {
  const environment = { DOCKER_REPO: 'env', TASKS_PROFILE: 'env', RELEASE: '1', CI: 'true' };
  const byEnvironment = read({}, environment);
  assert.equal(
    [byEnvironment.names, byEnvironment.profile, byEnvironment.fromRegistry],
    [{ repo: 'env', suffix: undefined, release: true }, 'env', true],
  );
  const byFlags = read(
    { repo: 'flag', profile: 'flag', release: false, suffix: '-x', fromRegistry: false },
    environment,
  );
  assert.equal(
    [byFlags.names, byFlags.profile, byFlags.fromRegistry],
    [{ repo: 'flag', suffix: '-x', release: false }, 'flag', false],
  );
});

test('CI alone asks the registry without insisting on one', () => {
  for (const CI of ['true', '1', 'yes']) assert.is(read({}, { CI }).fromRegistry, true, CI);
  for (const CI of ['', '0', 'false']) assert.is(read({}, { CI }).fromRegistry, false, CI);
  assert.is(read({}, { CI: '1' }).isFromRegistryExplicit, false);
  assert.is(read({ fromRegistry: true }).isFromRegistryExplicit, true);
});

test('the reporter: live on a terminal, github in GitHub Actions, otherwise plain', () => {
  const reporterOf = (...args: Parameters<typeof read>): string => read(...args).output.reporter;
  assert.is(reporterOf(), 'live');
  assert.is(reporterOf({}, {}, false), 'plain');
  assert.is(reporterOf({}, { TERM: 'dumb' }), 'plain');
  assert.is(reporterOf({ verbose: true }), 'plain');
  assert.is(reporterOf({}, { GITHUB_ACTIONS: 'true' }), 'github');
  assert.is(reporterOf({ quiet: true }, { GITHUB_ACTIONS: 'true' }), 'silent');
  assert.is(reporterOf({ reporter: 'plain', quiet: true }), 'plain');
  assert.is(reporterOf({ json: true, reporter: 'plain' }), 'json');
});

test('colors: --color and --no-color, then NO_COLOR, then whether the stream is a terminal', () => {
  const colorOf = (...args: Parameters<typeof read>): boolean => read(...args).output.outColor;
  assert.equal([colorOf(), colorOf({}, {}, false), colorOf({}, { NO_COLOR: '1' })], [true, false, false]);
  assert.equal(
    [colorOf({ color: true }, { NO_COLOR: '1' }, false), colorOf({ color: false })],
    [true, false],
  );
});

test('--jobs: a number, and limits per kind', () => {
  const jobsOf = (jobs: string): unknown => {
    const { jobs: all, limits } = read({ jobs });
    return [all, limits];
  };
  assert.equal(jobsOf('8,build=4,run=2'), [8, { build: 4, run: 2 }]);
  assert.equal((jobsOf('run=2') as unknown[])[1], { run: 2 });
  assert.ok(read().jobs >= 1);
});

const wrong: readonly [what: string, flags: SharedFlags, environment: object, message: RegExp][] = [
  ['no number of jobs', { jobs: '0' }, {}, /^--jobs is "0"$/],
  ['a kind twice', { jobs: 'run=1,run=2' }, {}, /^--jobs is/],
  ['an unknown reporter', { reporter: 'fancy' }, {}, /^--reporter is "fancy"$/],
  ['an unknown view', { view: 'cube' }, {}, /^--view is "cube"$/],
  ['a repository in upper case', { repo: 'Team' }, {}, /^--repo is "Team"$/],
  ['such a repository in the environment', {}, { DOCKER_REPO: 'Team' }, /^DOCKER_REPO is "Team"$/],
  ['a suffix that no tag can have', { suffix: ' x' }, {}, /^--suffix is " x"$/],
  ['a suffix that looks like a content tag', { suffix: '-k0123456789ab' }, {}, /^--suffix is/],
  ['an unknown TASKS_TITLE', {}, { TASKS_TITLE: 'no' }, /^TASKS_TITLE is "no"$/],
  ['an unknown RELEASE', {}, { RELEASE: 'yes' }, /^RELEASE is "yes"$/],
];
for (const [what, flags, environment, message] of wrong)
  test(`${what} is exit code 2, with what was expected`, () => {
    try {
      read(flags, environment);
    } catch (error) {
      const { exitCode, message: text, hint } = error as TasksError;
      assert.is(exitCode, 2);
      assert.match(text, message);
      assert.match(hint!, /^expected /);
      return;
    }
    assert.unreachable();
  });

test("the terminal's title and progress: only on a terminal that shows text, and not in CI", () => {
  const features = (...args: Parameters<typeof read>): object => read(...args).output.terminal;
  const [none, both] = [
    { title: false, progress: false },
    { title: true, progress: true },
  ];
  assert.equal(features(), { title: true, progress: false });
  assert.equal(features({ verbose: true }, { TASKS_TITLE: '1' }), both);
  for (const flags of [{ quiet: true }, { json: true }, { reporter: 'github' }])
    assert.equal(features(flags, { TASKS_TITLE: '1' }), none, JSON.stringify(flags));
  for (const environment of [
    { TERM: 'dumb' },
    { CI: '1' },
    { GITHUB_ACTIONS: 'true' },
    { TASKS_TITLE: 'false' },
  ])
    assert.equal(features({}, { WT_SESSION: '1', ...environment }), none, JSON.stringify(environment));
  assert.equal(features({}, { TASKS_TITLE: '1' }, false), none);
});

test('terminals that are known to have a progress bar', () => {
  const hasProgress = (environment: object): boolean => read({}, environment).output.terminal.progress;
  const known = [
    { TERM_PROGRAM: 'WezTerm' },
    { TERM_PROGRAM: 'ghostty' },
    { WT_SESSION: 'f2a0' },
    { ConEmuANSI: 'ON' },
    { PTYXIS_VERSION: '48.1' },
    { TERM_PROGRAM: 'iTerm.app', TERM_FEATURES: 'T3CwLrMSc7UUw9Ts3BFGsSyHNoSxFP' },
  ];
  for (const environment of known) assert.ok(hasProgress(environment), JSON.stringify(environment));
  // Older versions of iTerm2, and kitty, show OSC 9 as a notification.
  const others = [
    { TERM_PROGRAM: 'iTerm.app', TERM_FEATURES: 'T3CwLrMSc7UUw9Ts3BFGsSyHNoSxFPr' },
    { TERM: 'xterm-kitty' },
    { PTYXIS_VERSION: '47.9' },
    { ConEmuANSI: 'OFF' },
  ];
  for (const environment of others) assert.not(hasProgress(environment), JSON.stringify(environment));
});

test('paths are relative to where the command was started', () => {
  const { start, output } = read({ directory: 'sub', trace: 'x/trace.json', junit: 'j.xml' });
  assert.equal([start, output.trace, output.junit], ['/start/sub', '/start/x/trace.json', '/start/j.xml']);
});

test.run();
