import { Command, CommanderError } from 'commander';
import { didYouMean } from '../model/did-you-mean.ts';
import { type ExitCode, TasksError, UnknownSelector } from '../model/errors.ts';
import { schemas } from '../model/schemas.ts';
import { type CommandSpec, commands, commonFlags, type Flag, globalFlags } from './commands.ts';
import { type Context, makeContext, openHere, type Shell } from './context.ts';
import type { OwnCommand } from './error-text.ts';
import { nameOf, versionFlag } from './typed-line.ts';

/**
 * Parses the command line and runs its command.
 * @throws CommanderError for wrong usage, help and version; TasksError
 */
export async function runProgram(argv: readonly string[], shell: Shell): Promise<ExitCode> {
  if (argv[0] === 'complete') {
    await (await import('./print-completion.ts')).printCompletion(argv.slice(1), shell);
    return 0;
  }
  if (asksForVersions(argv)) {
    const versions = { tasks: shell.program.version, node: process.versions.node, schemas };
    shell.terminal.out(`${JSON.stringify(versions)}\n`);
    return 0;
  }
  checkHelpTopic(argv);
  let exitCode: ExitCode = 0;
  const program = withFlags(new Command('tasks'), globalFlags)
    .description('Builds matrices of versioned container images: only what changed, several at once.')
    .version(shell.program.version, versionFlag[0], versionFlag[1])
    .addHelpText(
      'after',
      shell.own.examples(
        '\nStart with:\n  tasks list                what there is\n  tasks plan                what would be done, and why\n  tasks build               do it\n\nHelp of a command: tasks build --help',
      ),
    )
    .showHelpAfterError(shell.own.pasteable('see: `tasks --help`'))
    .exitOverride()
    .configureOutput({ writeOut: shell.terminal.out, writeErr: shell.terminal.err });

  // Making all flags of all commands is most of what parsing costs: only help and completion need them.
  const isHelp = asksForHelp(argv);
  for (const spec of commands) {
    const command = program.command(spec.usage).description(spec.summary);
    if (spec.hiddenAlias !== undefined && argv.includes(spec.hiddenAlias)) command.alias(spec.hiddenAlias);
    if (!isHelp && ![command.name(), spec.hiddenAlias].some((name) => argv.includes(name!))) continue;
    complete(command, spec, shell.own, async (args, flags) => {
      const context = makeContext(shell, { ...program.opts(), ...flags });
      exitCode = await run(spec, context, args, flags);
    });
  }
  await program.parseAsync([...argv], { from: 'user' });
  return exitCode;
}

/** Runs a command. An error about a selector names the profiles that have it. @throws TasksError */
async function run(
  spec: CommandSpec,
  context: Context,
  args: readonly string[],
  flags: object,
): Promise<ExitCode> {
  try {
    return await spec.run(context, args, flags);
  } catch (error) {
    if (!(error instanceof UnknownSelector)) throw error;
    const { withOtherProfiles } = await import('../app/other-profiles.ts');
    throw await withOtherProfiles(error, await openHere(context), context.host);
  }
}

/** Gives a command its flags, examples and action. */
function complete(
  command: Command,
  { own = [], shared = [], examples, usage }: CommandSpec,
  { pasteable, examples: asTyped }: OwnCommand,
  run: (args: readonly string[], flags: object) => Promise<void>,
): void {
  withFlags(command, own).optionsGroup('Shared options:');
  withFlags(command, [...shared, ...commonFlags])
    .addHelpText('after', `\nExamples:\n${indent(asTyped(examples))}`)
    .showHelpAfterError(pasteable(`see: \`tasks ${nameOf(usage)} --help\``))
    .action(async (...given: unknown[]) => {
      const args = given
        .slice(0, -2)
        .flat()
        .filter((each) => each !== undefined) as string[];
      await run(args, given.at(-2) as object);
    });
}

function withFlags(command: Command, flags: readonly Flag[]): Command {
  for (const [declaration, help] of flags) command.option(declaration, help);
  return command;
}

/** Commander ignores what `tasks help` does not know. @throws TasksError with exit code 2 */
function checkHelpTopic(argv: readonly string[]): void {
  const [topic] = argv[0] === 'help' ? argv.slice(1) : [];
  const names = [...commands.map(({ usage }) => nameOf(usage)), 'help'];
  const known = [...names, ...commands.map(({ hiddenAlias }) => hiddenAlias)];
  if (topic === undefined || topic.startsWith('-') || known.includes(topic)) return;
  const near = didYouMean(topic, names);
  throw new TasksError(2, `unknown command '${topic}'`, {
    hint: `${near !== undefined ? `${near} ` : ''}commands are ${names.join(', ')}`,
  });
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}

const helpWords = ['-h', '--help', 'help'];

function asksForHelp(argv: readonly string[]): boolean {
  return argv.length === 0 || argv.some((word) => helpWords.includes(word));
}

const versionWords = ['-V', '--version'];

/** `tasks --version --json`. Commander would print the version alone. */
function asksForVersions(argv: readonly string[]): boolean {
  const rest = argv.filter((word) => !versionWords.includes(word));
  return rest.length < argv.length && rest.length > 0 && rest.every((word) => word === '--json');
}

/** Whether commander ended because help or the version was asked for. */
export function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}

/** Whether commander has already reported wrong usage. */
export function isUsageError(error: unknown): error is CommanderError {
  return error instanceof CommanderError;
}
