import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commands, commonFlags, type Flag, globalFlags } from '../../../src/cli/commands.ts';
import type { Shell } from '../../../src/cli/context.ts';
import { ownCommand } from '../../../src/cli/own-command.ts';
import { isHelp, isUsageError, runProgram } from '../../../src/cli/program.ts';
import { longName, nameOf } from '../../../src/cli/typed-line.ts';

const test = suite('cli/program');

/** Runs a command line that ends before its command runs. Returns what it printed, and the error. */
async function parse(...argv: string[]): Promise<{ out: string; err: string; error: unknown }> {
  let [out, err] = ['', ''];
  const shell = {
    program: { version: '0.0.0' },
    terminal: { out: (text: string) => (out += text), err: (text: string) => (err += text) },
    own: ownCommand(argv, {}),
  } as unknown as Shell;
  const error = await runProgram(argv, shell).then(
    () => assert.unreachable(),
    (thrown: unknown) => thrown,
  );
  return { out, err, error };
}

const all: readonly Flag[] = commands.flatMap(({ own = [], shared = [] }) => [...own, ...shared]);

test('help of each command lists its own flags first, then the others, and no flag that it does not use', async () => {
  for (const { usage, own = [], shared = [] } of commands) {
    const { out, error } = await parse(nameOf(usage), '--help');
    assert.ok(isHelp(error), usage);
    const place = ([declaration]: Flag): number =>
      out.search(`(^|\\n) +(-\\w, )?${longName(declaration)}(?![\\w-])`);
    const order = [...own, ...shared, ...commonFlags].map(place);
    assert.ok(
      order.every((at, index) => at > 0 && at > (order[index - 1] ?? 0)),
      `${usage}: ${order}\n${out}`,
    );
    const used = new Set([...own, ...shared, ...commonFlags, ...globalFlags].map(([name]) => longName(name)));
    for (const flag of all)
      if (!used.has(longName(flag[0]))) assert.is(place(flag), -1, `${usage} ${flag[0]}`);
  }
});

test('each command refuses every flag that it does not use', async () => {
  for (const { usage, own = [], shared = [] } of commands) {
    const used = new Set([...own, ...shared].map(([name]) => longName(name)));
    const args = usage
      .split(' ')
      .slice(1)
      .map(() => 'x');
    for (const name of new Set(all.map(([declaration]) => longName(declaration)))) {
      if (used.has(name)) continue;
      const { error, err } = await parse(nameOf(usage), ...args, name);
      assert.ok(isUsageError(error), `${usage} ${name}`);
      assert.match(err, `unknown option '${name}'`);
      assert.match(err, `see: \`tasks ${nameOf(usage)} --help\``);
    }
  }
});

test.run();
