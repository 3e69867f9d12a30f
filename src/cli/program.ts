import { Command, CommanderError } from 'commander';
import type { ExitCode } from '../model/errors.ts';
import * as examples from './examples.ts';
import type { CommonFlags } from './flags.ts';
import type { Io } from './io.ts';

type Handler = (io: Io, selectors: readonly string[], flags: CommonFlags) => Promise<ExitCode>;

/**
 * Parses the command line and carries the command out. Commands are loaded when they are asked for.
 * @throws CommanderError for wrong usage, help and version; TasksError
 */
export async function runProgram(argv: readonly string[], io: Io): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const program = new Command('tasks')
    .description('Builds matrices of versioned container images: only what changed, several at once.')
    .version(io.programVersion)
    .option('-C, --directory <dir>', 'the project: this folder, or its nearest parent with tasks/')
    .option('--profile <name>', 'what definitions see as `profile` (also TASKS_PROFILE)')
    .addHelpText(
      'after',
      '\nStart with:\n  tasks list                what there is\n  tasks plan                what would be done, and why\n  tasks build               do it\n\nEach command tells more: tasks build --help',
    )
    .showHelpAfterError('(tasks --help)')
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err });

  // Who asks for help sees all flags; else those of the command that is called will do, and its making is most of what this costs.
  const isAsked = (name: string): boolean => asksForAll(argv) || argv.includes(name);
  const common = (command: Command): Command =>
    isAsked(command.name()) ? withCommonFlags(command) : command;

  const add = (name: string, description: string, example: string, handler: Handler): Command => {
    const command = program.command(name).description(description);
    if (!isAsked(command.name())) return command;
    command
      .addHelpText('after', `\nExamples:\n${example.replace(/^/gm, '  ')}`)
      .action(async (...args: unknown[]) => {
        const positional = args
          .slice(0, -2)
          .flat()
          .filter((each) => each !== undefined) as string[];
        exitCode = await handler(io, positional, { ...program.opts(), ...(args.at(-2) as CommonFlags) });
      });
    return command;
  };

  const build = common(
    add(
      'build [selectors...]',
      'build what changed; prints the tags of the selected images',
      examples.build,
      async (it, selectors, flags) => (await import('./commands/build.ts')).build(selectors, flags, it),
    ),
  )
    .option('--dry-run', 'the same as `tasks plan`')
    .option('--force', 'build the selected tasks anew, from nothing')
    .option('--ui', 'serve a page on this machine that follows the run');
  fromRegistry(build);
  common(
    add(
      'push [selectors...]',
      'build, test and upload; then set all tags in the registry, or none',
      examples.push,
      async (it, selectors, flags) => (await import('./commands/push.ts')).push(selectors, flags, it),
    ),
  )
    .option('--release', 'tags without a suffix, and aliases (also RELEASE=1)')
    .option('--upload-only', 'upload everything, set no tag: for machines that share the work')
    .option('--strict', 'refuse a release from a dirty git tree or with unlocked bases')
    .option('--dry-run', 'print what would be done; writes nothing')
    .option('--resume', 'only end a push that stopped half way, without waiting: you know it dead')
    .option('--output <file>', 'where the release file goes (default: .cache/releases/)');
  const plan = common(
    add(
      'plan [selectors...]',
      'say what build would do and why; runs nothing',
      examples.plan,
      async (it, selectors, flags) => (await import('./commands/plan.ts')).plan(selectors, flags, it),
    ),
  )
    .option('--check', 'exit with 1 if anything would be done')
    .option('--force', 'as if build were called with --force');
  fromRegistry(plan);
  common(
    add(
      'why <task> [other]',
      'what differs from the last time, or from another task',
      examples.why,
      async (it, selectors, flags) => (await import('./commands/why.ts')).why(selectors, flags, it),
    ),
  );
  fromRegistry(
    common(
      add(
        'test [selectors...]',
        "run the images' tests; builds first what is missing",
        examples.test,
        async (it, selectors, flags) => (await import('./commands/test.ts')).test(selectors, flags, it),
      ),
    ),
  ).option('--retest', 'run tests that have passed on the same image, too');
  common(
    add(
      'watch [selectors...]',
      'build, and build again whenever an input or a definition changes',
      examples.watch,
      async (it, selectors, flags) => (await import('./commands/watch.ts')).watch(selectors, flags, it),
    ),
  );
  common(
    add(
      'graph [selectors...]',
      "the graph, with each task's state",
      examples.graph,
      async (it, selectors, flags) => (await import('./commands/graph.ts')).graph(selectors, flags, it),
    ),
  )
    .option('--format <format>', 'tree, dot, mermaid, svg, html or json (default: tree)')
    .option('--output <file>', 'write to a file; without --format its name says which: graph.svg')
    .option('--full', 'each version by itself')
    .option('--changed', 'only what would be done, and why')
    .option('--serve', 'serve the page of --format html on this machine; it follows what changes');
  common(
    add(
      'list [selectors...]',
      'what there is and what it is for',
      'tasks list\ntasks list --json',
      async (it, selectors, flags) => (await import('./commands/list.ts')).list(selectors, flags, it),
    ),
  );
  common(
    add(
      'audit [selectors...]',
      'make what would be reused again (commands run), and compare; grade each Dockerfile',
      examples.audit,
      async (it, selectors, flags) => (await import('./commands/audit.ts')).audit(selectors, flags, it),
    ),
  ).option('--sample <n>', 'only so many tasks');
  common(
    add(
      'logs <task>',
      'the last log of a task or of its test',
      'tasks logs extbuilder:17',
      async (it, [selector], flags) => (await import('./commands/logs.ts')).logs(selector!, flags, it),
    ),
  );
  common(
    add(
      'lock',
      'pin the images from outside to digests, in tasks/lock.json',
      examples.lock,
      async (it, _, flags) => (await import('./commands/lock.ts')).lock(flags, it),
    ),
  ).option('--update', 'ask again for what is pinned, show what moved, drop what nothing uses');
  common(
    add(
      'verify <file>',
      'hold the registry against a release file',
      examples.verify,
      async (it, [file], flags) => (await import('./commands/verify.ts')).verify(file!, flags, it),
    ),
  );
  common(
    add(
      'clean',
      "trim what is remembered, and this project's content tags in the engine, by last use and size",
      examples.clean,
      async (it, _, flags) => (await import('./commands/clean.ts')).clean(flags, it),
    ),
  )
    .option('--dry-run', 'only say what would go and how much that frees')
    .option('--remote', "remove old tags of this project's images from the registry instead")
    .option('--keep <files...>', 'with --remote: release files whose images stay');
  common(
    add(
      'doctor',
      'say what the machine has and lacks, and what to do about it',
      examples.doctor,
      async (it, _, flags) => (await import('./commands/doctor.ts')).doctor(flags, it),
    ),
  )
    .option('--fix', 'install and start what is missing (Debian, as root); says each thing it does')
    .option('--stop', 'end the engine that --fix started');

  if (argv.includes('completion') || argv[0] === 'complete') {
    const { addCompletion } = await import('./completion.ts');
    await addCompletion(program, argv[0] === 'complete' ? argv.slice(2) : undefined, io);
  } else program.command('completion <shell>');
  program.commands
    .find((command) => command.name() === 'completion')!
    .description('print a script that completes commands, flags and tasks: bash, zsh, fish or powershell')
    .addHelpText('after', `\nExamples:\n${examples.completion.replace(/^/gm, '  ')}`);

  await program.parseAsync([...argv], { from: 'user' });
  return exitCode;
}

const askingWords = ['-h', '--help', 'help', 'completion', 'complete'];

function asksForAll(argv: readonly string[]): boolean {
  return argv.length === 0 || argv.some((word) => askingWords.includes(word));
}

function withCommonFlags(command: Command): Command {
  return command
    .option('-j, --jobs <n>', 'how many tasks run at once (default: cores); of a kind: 8,build=4,run=2')
    .option('-k, --keep-going', 'after a failure, do all that does not hang on it')
    .option('--repo <name>', 'repository of the images (also DOCKER_REPO)')
    .option('--suffix <text>', 'what stands behind every tag, instead of -devYYYYmmddHHMM')
    .option('--json', 'one JSON document, or one event per line, on standard output')
    .option('--reporter <name>', 'live, plain, json, github or silent')
    .option('--view <view>', 'of the live view: list, or matrix (images by versions)')
    .option('--trace <file>', 'write a Chrome trace of the run, for Perfetto')
    .option('--color', 'colours')
    .option('--no-color', 'no colours (also NO_COLOR)')
    .option('-q, --quiet', 'no progress')
    .option('-v, --verbose', 'everything: output of builds, tasks that are up to date');
}

/** What the registry has under content tags is not built again. */
function fromRegistry(command: Command): Command {
  return command
    .option('--from-registry', 'do not build what the registry has (default in CI)')
    .option('--no-from-registry', 'do not ask the registry');
}

/** True for an error of commander's that is no error: help and version were asked for. */
export function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}

/** True for wrong usage, which commander has told already. */
export function isUsageError(error: unknown): error is CommanderError {
  return error instanceof CommanderError;
}
