import type { ExitCode } from '../model/errors.ts';
import { shells } from './completion-scripts.ts';
import type { Context } from './context.ts';
import * as examples from './examples.ts';
import { graphFormats } from './graph-formats.ts';
import { layouts, reporterNames } from './settings.ts';

/** What completion offers for a value: these words, or paths, profiles or selectors of the project. */
export type Values = readonly string[] | 'files' | 'folders' | 'profiles' | 'selectors' | 'commands';

/** A flag: how commander declares it, its help, and what completion offers for its value. */
export type Flag = readonly [declaration: string, help: string, values?: Values];

/** A command of the command line. Its module is loaded when it runs. */
export interface CommandSpec {
  /** Its name, followed by its arguments. */
  readonly usage: string;
  /** What completion offers for each argument; nothing if left out. The last one also counts for further arguments. */
  readonly values?: readonly Values[];
  readonly summary: string;
  readonly examples: string;
  /** Names that also work, but that help does not list. */
  readonly hiddenAlias?: string;
  /** Flags of this command alone; help lists them first. */
  readonly own?: readonly Flag[];
  /** Flags that several commands have. */
  readonly shared?: readonly Flag[];
  /** `args`: the arguments, variadic ones flattened. `flags`: all flags, as commander parses them. */
  run(context: Context, args: readonly string[], flags: object): Promise<ExitCode>;
}

const json: Flag = ['--json', 'print one JSON document'];
const events: Flag = ['--json', 'print one event per line, as JSON'];
const eventsOrPlan: Flag = ['--json', 'print one event per line, as JSON; with --dry-run the plan'];
const verbose: Flag = ['-v, --verbose', 'print everything, also what is up to date'];
const jobs: Flag = [
  '-j, --jobs <n>',
  'how many tasks run at once (default: cores); with limits per kind: 8,build=4,run=2',
];
const repo: Flag = ['--repo <name>', 'repository of the images (also DOCKER_REPO)'];
const builder: Flag = [
  '--builder <name>',
  'builder of buildx, or address of a BuildKit, that builds in place of the docker engine (also TASKS_BUILDER)',
];
const suffix: Flag = ['--suffix <text>', 'appended to every tag (default: -devYYYYmmddHHMM)'];
const registry: readonly Flag[] = [
  ['--from-registry', 'use images that the registry has instead of building them (default in CI)'],
  ['--no-from-registry', 'do not ask the registry'],
];
const running = (output: Flag): readonly Flag[] => [
  jobs,
  ['-k, --keep-going', "after a failure, continue with tasks that don't depend on it"],
  repo,
  suffix,
  builder,
  output,
  ['--reporter <name>', 'live, plain, json, github or silent', reporterNames],
  ['--view <view>', 'layout of the live view: list, or matrix (images by versions)', layouts],
  ['--trace <file>', 'write a Chrome trace of the run, for Perfetto', 'files'],
  ['-q, --quiet', 'print no progress'],
  ['-v, --verbose', 'print the output of builds and tests'],
];
const junit: Flag = ['--junit <file>', 'write a JUnit XML report of the tests', 'files'];
const dryRun = (help: string): Flag => ['--dry-run', help];
const force: Flag = ['--force', 'build the selected tasks from scratch'];

/** Flags of `tasks` itself and of every command. */
export const globalFlags: readonly Flag[] = [
  ['-C, --directory <dir>', 'the project: this folder, or its nearest parent with tasks/', 'folders'],
  ['--profile <name>', 'what definitions see as `profile` (also TASKS_PROFILE)', 'profiles'],
];

/** Flags of every command. */
export const commonFlags: readonly Flag[] = [
  ['--color', 'use colors'],
  ['--no-color', 'use no colors (also NO_COLOR)'],
];

export const commands: readonly CommandSpec[] = [
  {
    usage: 'build [selectors...]',
    values: ['selectors'],
    summary: 'build what changed; print the tags of the selected images',
    examples: examples.build,
    own: [
      dryRun('the same as `tasks plan`'),
      force,
      ...registry,
      ['--ui', 'serve a page on this machine that follows the run, until Ctrl-C'],
      ['--open', 'as --ui, and open the page in the browser'],
    ],
    shared: running(eventsOrPlan),
    run: async (context, args, flags) => (await import('./commands/build.ts')).build(context, args, flags),
  },
  {
    usage: 'push [selectors...]',
    values: ['selectors'],
    summary: 'build, test and upload; then set all tags in the registry, or none',
    examples: examples.push,
    own: [
      ['--release', 'use tags without a suffix, and set aliases (also RELEASE=1)'],
      ['--upload-only', 'upload everything, but set no tags: for machines that share the work'],
      [
        '--strict',
        'refuse a release from a dirty git tree, with unpinned base images, or without its attestations',
      ],
      dryRun('print what would be done, and change nothing'),
      ['--resume', 'complete or roll back a push whose process has died, without waiting for it'],
      ['--output <file>', 'where to write the release file (default: .cache/releases/)', 'files'],
      junit,
    ],
    shared: running(eventsOrPlan),
    run: async (context, args, flags) => (await import('./commands/push.ts')).push(context, args, flags),
  },
  {
    usage: 'plan [selectors...]',
    values: ['selectors'],
    summary: 'print what build would do and why',
    examples: examples.plan,
    own: [
      ['--check', 'exit with 1 if anything would be done'],
      ['--force', 'plan for `build --force`'],
      ...registry,
    ],
    shared: [jobs, repo, suffix, builder, json, verbose],
    run: async (context, args, flags) => (await import('./commands/plan.ts')).plan(context, args, flags),
  },
  {
    usage: 'why <task> [other]',
    values: ['selectors'],
    summary: 'explain why a task would be rebuilt, or compare two tasks',
    examples: examples.why,
    own: registry,
    shared: [repo, builder, json],
    run: async (context, args) => (await import('./commands/why.ts')).why(context, args),
  },
  {
    usage: 'test [selectors...]',
    values: ['selectors'],
    summary: "run the images' tests; build what is missing first",
    examples: examples.test,
    own: [['--retest', 'also run tests that have passed on the same image'], junit, ...registry],
    shared: running(events),
    run: async (context, args, flags) => (await import('./commands/test.ts')).test(context, args, flags),
  },
  {
    usage: 'watch [selectors...]',
    values: ['selectors'],
    summary: 'build, and build again whenever an input or a definition changes',
    examples: examples.watch,
    own: registry,
    shared: running(events),
    run: async (context, args) => (await import('./commands/watch.ts')).watch(context, args),
  },
  {
    usage: 'graph [selectors...]',
    values: ['selectors'],
    summary: "print or draw the graph, with each task's state",
    examples: examples.graph,
    own: [
      [
        '--format <format>',
        'tree, dot, mermaid, svg, html or json (default: tree)',
        Object.keys(graphFormats),
      ],
      ['--output <file>', 'write to a file; its extension chooses the format: graph.svg', 'files'],
      ['--full', 'show each version by itself'],
      ['--changed', 'show only what would be done, and why'],
      ['--serve', 'serve the HTML page on this machine, until Ctrl-C; it follows changes'],
      ['--open', 'as --serve, and open the page in the browser'],
      ...registry,
    ],
    shared: [repo, suffix, builder, json],
    run: async (context, args, flags) => (await import('./commands/graph.ts')).graph(context, args, flags),
  },
  {
    usage: 'list [selectors...]',
    values: ['selectors'],
    summary: 'list images and commands, with versions and descriptions',
    examples: examples.list,
    shared: [['--json', 'print one JSON document per task, each on a line']],
    run: async (context, args) => (await import('./commands/list.ts')).list(context, args),
  },
  {
    usage: 'reproduce [selectors...]',
    values: ['selectors'],
    summary: 'rebuild up-to-date tasks and compare the results; grade each Dockerfile',
    examples: examples.reproduce,
    hiddenAlias: 'audit',
    own: [['--sample <n>', 'rebuild only so many tasks']],
    shared: [repo, suffix, builder, json],
    run: async (context, args, flags) =>
      (await import('./commands/reproduce.ts')).reproduce(context, args, flags),
  },
  {
    usage: 'logs [task]',
    values: ['selectors'],
    summary: 'print the newest log of a task or of its test',
    examples: examples.logs,
    own: [
      ['--test', "the log of the task's test"],
      ['-f, --follow', 'print what a running build or test writes, until it ends'],
      ['--list', 'list the logs: task, kind, start and size'],
    ],
    run: async (context, args, flags) => (await import('./commands/logs.ts')).logs(context, args, flags),
  },
  {
    usage: 'lock',
    summary: 'pin external images to digests, in tasks/lock.json',
    examples: examples.lock,
    own: [['--update', 'resolve pinned images again, show what moved, drop what is unused']],
    shared: [repo, json],
    run: async (context, _, flags) => (await import('./commands/lock.ts')).lock(context, flags),
  },
  {
    usage: 'verify <file>',
    values: ['files'],
    summary: 'check the registry against a release file',
    examples: examples.verify,
    shared: [json, verbose],
    run: async (context, [file]) => (await import('./commands/verify.ts')).verify(context, file!),
  },
  {
    usage: 'clean',
    summary: 'remove old cache entries, logs and local content tags',
    examples: examples.clean,
    own: [
      dryRun('print what would be removed, and how much space that frees'),
      ['--remote', "remove old tags of this project's images from the registry instead"],
      ['--keep <files...>', 'with --remote: release files whose images are kept', 'files'],
    ],
    shared: [repo, builder, json, verbose],
    run: async (context, _, flags) => (await import('./commands/clean.ts')).clean(context, flags),
  },
  {
    usage: 'init [targets...]',
    summary: 'write definitions for what bake, compose, make or Dockerfiles build',
    examples: examples.init,
    own: [
      [
        '--from <source>',
        'bake, compose or make; with a file: bake:FILE (default: what is there, but not make)',
      ],
      ['--check', 'compare the definitions with what the other tool builds; exit with 1 if they differ'],
      dryRun('print the definitions, and write nothing'),
    ],
    run: async (context, args, flags) => (await import('./commands/init.ts')).init(context, args, flags),
  },
  {
    usage: 'export <format> [selectors...]',
    summary: 'print the plan for another tool: `tasks export bake` is a docker-bake.json',
    examples: examples.exportPlan,
    own: [['--output <file>', 'write to a file']],
    shared: [repo],
    run: async (context, args, flags) =>
      (await import('./commands/export.ts')).exportPlan(context, args, flags),
  },
  {
    usage: 'doctor',
    summary: 'check that this machine can build',
    examples: examples.doctor,
    own: [
      ['--fix', 'install and start what is missing (Debian, as root); print each thing it does'],
      ['--stop', 'stop the engine that --fix started'],
    ],
    shared: [repo, builder, json],
    run: async (context, _, flags) => (await import('./commands/doctor.ts')).doctor(context, flags),
  },
  {
    usage: 'completion <shell|install> [shell]',
    values: [[...shells, 'install'], shells],
    summary: 'print or install a script that completes commands, flags and tasks',
    examples: examples.completion,
    run: async (context, args) => (await import('./commands/completion.ts')).completion(context, args),
  },
];
