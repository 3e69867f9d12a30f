import { execFile } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commands, commonFlags, type Flag, globalFlags } from '../../src/cli/commands.ts';
import type { Shell } from '../../src/cli/context.ts';
import { ownCommand } from '../../src/cli/own-command.ts';
import { isHelp, runProgram } from '../../src/cli/program.ts';
import { checkFieldNames } from '../../src/graph/fields.ts';
import { OUTCOMES } from '../../src/model/events.ts';
import { ACTIONS } from '../../src/model/plan.ts';
import {
  environmentReads,
  literalsOf,
  nodeSources,
  parseFile,
  propertiesOf,
} from '../support/source-facts.ts';
import { tempFolder } from '../support/temp.ts';

const test = suite('docs/reference');
const folder = 'docs/reference';
const read = (page: string): string => readFileSync(path.join(folder, `${page}.md`), 'utf8');
const reference = readdirSync(folder)
  .map((name) => readFileSync(path.join(folder, name), 'utf8'))
  .join('\n');

function generate(...args: string[]): Promise<{ status: unknown; stderr: string }> {
  return new Promise((resolve) => {
    execFile('node', ['scripts/reference.mjs', ...args], (error, _, stderr) =>
      resolve({ status: error?.code ?? 0, stderr }),
    );
  });
}

/** Returns the text of a page below a heading, to the next heading of the same or a higher level. */
function section(page: string, heading: string): string {
  const [, after] = read(page).split(`\n${heading}\n`);
  assert.ok(after !== undefined, `${page}.md has no heading "${heading}"`);
  const level = heading.indexOf(' ');
  return after!.split(new RegExp(`\n#{1,${level}} `))[0]!;
}

/** Asserts that a text has a row of a table, or a heading, for each name. */
function assertEntries(text: string, names: readonly string[]): void {
  const entries = [...text.matchAll(/^(?:\| `?([^`|]+?)`? \||#+ `(.*)`$)/gm)].map(
    ([, row, heading]) => row ?? heading,
  );
  assert.equal(
    names.filter((name) => !entries.includes(name)),
    [],
  );
  assert.ok(names.length > 0);
}

test('the generated parts of the reference are those of the code', async () => {
  assert.equal(await generate('--check'), { status: 0, stderr: '' });
});

test('a generated part that is out of date, or a marker that is missing, is reported', async () => {
  const check = (edit: (text: string) => string) => {
    const copy = tempFolder();
    cpSync(folder, copy, { recursive: true });
    writeFileSync(path.join(copy, 'commands.md'), edit(read('commands')));
    return generate('--check', '--folder', copy);
  };
  const [old, unmarked] = await Promise.all([
    check((text) => text.replace('`-k, --keep-going`', '`-k, --go-on`')),
    check((text) => text.replace('<!-- end of shared flags -->', '')),
  ]);
  assert.is(old.status, 1);
  assert.match(old.stderr, /commands\.md is out of date: run npm run reference/);
  assert.match(unmarked.stderr, /no page of .* has markers for "shared flags"/);
});

/** Returns the names of the commands that `tasks --help` lists. */
async function listedCommands(): Promise<string[]> {
  let help = '';
  const terminal = { out: (text: string) => (help += text), err: () => undefined };
  const shell = { program: { version: '0.0.0' }, terminal, own: ownCommand([], {}) } as unknown as Shell;
  await runProgram(['--help'], shell).catch((error: unknown) => assert.ok(isHelp(error), String(error)));
  return [...help.split('Commands:')[1]!.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name!);
}

test('every command has a section with its flags', async () => {
  const listed = (await listedCommands()).filter((name) => !['help', 'tasks'].includes(name));
  const [shared, everywhere] = [
    section('commands', '## Shared flags'),
    section('commands', '## Flags of all commands'),
  ];
  const has = (text: string, [declaration]: Flag): boolean => text.includes(`| \`${declaration}\` |`);
  for (const flag of [...globalFlags, ...commonFlags]) assert.ok(has(everywhere, flag), flag[0]);
  for (const name of listed) {
    const text = section('commands', `## tasks ${name}`);
    const command = commands.find(({ usage }) => usage.split(' ')[0] === name);
    for (const flag of command?.own ?? []) assert.ok(has(text, flag), `${name} ${flag[0]}`);
    for (const flag of command?.shared ?? [])
      assert.ok(text.includes(`\`${flag[0]}\``) && has(shared, flag), `${name} ${flag[0]}`);
  }
  assert.ok(commands.every(({ usage }) => listed.includes(usage.split(' ')[0]!)));
});

/** What the code names and users need not know, and why. */
const undocumented: Readonly<Record<string, string>> = {
  ALL_PROXY: "a build arg from docker's config.json",
  BUILDKIT_: 'build args that BuildKit knows',
  CERT_HAS_EXPIRED: 'an error code of TLS',
  CERT_NOT_YET_VALID: 'an error code of TLS',
  FTP_PROXY: "a build arg from docker's config.json",
  PRETTY_NAME: 'a field of /etc/os-release',
  SOURCE_DATE_EPOCH: 'a build arg that BuildKit knows',
  TAG_INVALID: 'an error code of registries',
  VERSION_ID: 'a field of /etc/os-release',
};

test('every environment variable that the code reads or sets is in the reference', () => {
  const names = new Set<string>();
  for (const file of nodeSources()) {
    const source = parseFile(file);
    for (const name of environmentReads(source)) names.add(name);
    for (const [name] of source.text.matchAll(/\b(TASKS|DOCKER)_[A-Z_]+/g)) names.add(name);
  }
  const isNodeError = (name: string): boolean => name.startsWith('ERR_');
  const missing = [...names].filter(
    (name) => !(name in undocumented) && !isNodeError(name) && !reference.includes(`\`${name}`),
  );
  assert.equal(missing, []);
  for (const name of [
    'DOCKER_REPO',
    'RELEASE',
    'TASKS_CACHE_URL',
    'HOME',
    'no_proxy',
    'TASKS_OUT',
    'TF_BUILD',
  ])
    assert.ok(names.has(name), `${name} is not found in the code`);
  assert.equal(
    Object.keys(undocumented).filter((name) => !names.has(name)),
    [],
    'exceptions that nothing needs',
  );
});

test('every field of a definition is in its types and in the reference', () => {
  const own = (name: string): string[] => propertiesOf('src/define/types.ts', name);
  const shared = [...own('CommonFields'), ...own('WithVersions')];
  for (const [kind, type] of [
    ['image', 'ImageFields'],
    ['command', 'CommandFields'],
  ] as const) {
    const known = checkFieldNames(kind, { other: 1 })[0]!.expected!.replace('one of ', '').split(', ');
    assert.equal([...shared, ...own(type)].sort(), known.sort());
    assertEntries(section('definitions', `## Fields of ${kind}()`), own(type));
  }
  assertEntries(section('definitions', '## image() and command()'), shared);
  assertEntries(section('definitions', '## project()'), own('ProjectFields'));
  for (const name of ['version', 'exclude'])
    assert.match(section('definitions', '## matrix()'), `\`${name}\``);
});

test('every exit code and every word of the JSON output is in the reference', () => {
  assertEntries(read('exit-codes'), literalsOf('src/model/errors.ts', 'ExitCode'));
  assertEntries(section('json', '## Reason codes'), literalsOf('src/model/plan.ts', 'ReasonCode'));
  assertEntries(section('json', '## Actions'), ACTIONS);
  assertEntries(section('json', '## Outcomes'), OUTCOMES);
  const events = section('json', '## Events');
  for (const phase of literalsOf('src/model/events.ts', 'Phase')) assert.match(events, `\`${phase}\``);
  const types = [...readFileSync('src/model/events.ts', 'utf8').matchAll(/readonly type: '([\w-]+)'/g)];
  assert.is(types.length, literalsOf('src/model/events.ts', 'RunEvent').length);
  for (const [, type] of types) assert.match(events, `### ${type}\n`);
});

test('every file and folder of .cache is in the reference', () => {
  // In src/load, `cacheFolder` is the folder of compiled definitions.
  const sources = nodeSources().filter((file) => !file.startsWith('src/load/'));
  const names = sources.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/\bjoin\((?:\w+\.)?cacheFolder, '([\w.]+)'/g)].map(
      ([, name]) => name!,
    ),
  );
  assert.ok(names.length >= 5);
  const text = read('cache');
  assert.equal(
    [...new Set(names)].filter((name) => !text.includes(`\`${name}`)),
    [],
  );
});

test.run();
