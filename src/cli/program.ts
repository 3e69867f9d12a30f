import { Command, CommanderError } from 'commander';
import type { ExitCode } from '../model/errors.ts';
import { type CommandSpec, commands, commonFlags, type Flag, globalFlags } from './commands.ts';
import { makeContext, type Shell } from './context.ts';
import { completion as completionExamples } from './examples.ts';

/**
 * Parses the command line and runs its command.
 * @throws CommanderError for wrong usage, help and version; TasksError
 */
export async function runProgram(argv: readonly string[], shell: Shell): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const program = withFlags(new Command('tasks'), globalFlags)
    .description('Builds matrices of versioned container images: only what changed, several at once.')
    .version(shell.program.version)
    .addHelpText(
      'after',
      '\nStart with:\n  tasks list                what there is\n  tasks plan                what would be done, and why\n  tasks build               do it\n\nHelp of a command: tasks build --help',
    )
    .showHelpAfterError('see: tasks --help')
    .exitOverride()
    .configureOutput({ writeOut: shell.terminal.out, writeErr: shell.terminal.err });

  // Making all flags of all commands is most of what parsing costs: only help and completion need them.
  const isHelp = asksForHelp(argv);
  for (const spec of commands) {
    const command = program.command(spec.usage).description(spec.summary);
    if (spec.hiddenAlias !== undefined && argv.includes(spec.hiddenAlias)) command.alias(spec.hiddenAlias);
    if (!isHelp && ![command.name(), spec.hiddenAlias].some((name) => argv.includes(name!))) continue;
    complete(command, spec, async (args, flags) => {
      const context = makeContext(shell, { ...program.opts(), ...flags });
      exitCode = await spec.run(context, args, flags);
    });
  }
  await addCompletion(program, argv, shell);
  await program.parseAsync([...argv], { from: 'user' });
  return exitCode;
}

/** Gives a command its flags, examples and action. */
function complete(
  command: Command,
  { own = [], shared = [], examples }: CommandSpec,
  run: (args: readonly string[], flags: object) => Promise<void>,
): void {
  withFlags(command, own).optionsGroup('Shared options:');
  withFlags(command, [...shared, ...commonFlags])
    .addHelpText('after', `\nExamples:\n${indent(examples)}`)
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

async function addCompletion(program: Command, argv: readonly string[], shell: Shell): Promise<void> {
  if (argv.includes('completion') || argv[0] === 'complete') {
    const { addCompletionCommands } = await import('./completion.ts');
    await addCompletionCommands(program, argv[0] === 'complete' ? argv.slice(2) : undefined, shell);
  } else program.command('completion <shell>');
  program.commands
    .find((command) => command.name() === 'completion')!
    .description('print a script that completes commands, flags and tasks: bash, zsh, fish or powershell')
    .addHelpText('after', `\nExamples:\n${indent(completionExamples)}`);
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}

const helpWords = ['-h', '--help', 'help', 'completion', 'complete'];

function asksForHelp(argv: readonly string[]): boolean {
  return argv.length === 0 || argv.some((word) => helpWords.includes(word));
}

/** Whether commander ended because help or the version was asked for. */
export function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}

/** Whether commander has already reported wrong usage. */
export function isUsageError(error: unknown): error is CommanderError {
  return error instanceof CommanderError;
}
