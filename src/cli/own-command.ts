import type { Environment } from '../model/environment.ts';
import { shellWord } from '../model/shell-word.ts';
import { commands } from './commands.ts';
import type { OwnCommand } from './error-text.ts';
import { nameOf, readTypedLine } from './typed-line.ts';

/**
 * `argv`: the words after `tasks`. npm tells programs that it starts that it did: for `npx tasks`, and for scripts of package.json.
 * Shells do not find their `tasks`.
 */
export function ownCommand(argv: readonly string[], environment: Environment): OwnCommand {
  const isFromNpm = environment.npm_command === 'exec' || environment.npm_lifecycle_event !== undefined;
  const program = isFromNpm ? 'npx tasks' : 'tasks';
  const { project } = readTypedLine(argv);
  const profile = project.profile ?? environment.TASKS_PROFILE;
  const flags = [
    ...(project.directory !== undefined ? ['-C', project.directory] : []),
    ...(profile ? ['--profile', profile] : []),
  ];
  const start = [program, ...flags.map(shellWord)].join(' ');
  return {
    pasteable: (text) => text.replace(inMessages, (_, before: string) => before + start),
    examples: (text) => text.replace(inExamples, program),
  };
}

const words = [...commands.map(({ usage }) => nameOf(usage)), 'help', '--help'].join('|');
const inMessages = new RegExp(`(\`|^next: )tasks(?= (?:${words})\\b)`, 'gm');
const inExamples = new RegExp(`\\btasks(?= (?:${words})\\b)`, 'g');
