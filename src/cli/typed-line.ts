import { type CommandSpec, commands, commonFlags, type Flag, globalFlags } from './commands.ts';

/** `-C DIR` and `--profile NAME`, if they are on the line. */
export interface ProjectFlags {
  readonly directory?: string;
  readonly profile?: string;
}

/** A command, as far as its line matters. */
type Completable = Pick<CommandSpec, 'usage' | 'summary' | 'values' | 'own' | 'shared'>;

/** Commander adds this command. */
export const help: Completable = {
  usage: 'help [command]',
  summary: 'print the help of a command',
  values: ['commands'],
};
const helpFlag: Flag = ['-h, --help', 'print help'];
export const versionFlag: Flag = ['-V, --version', 'print the version; with --json also those of formats'];

/** What the words of a line say. */
export interface TypedLine {
  readonly command: Completable | undefined;
  /** How many arguments of the command are on the line. */
  readonly given: number;
  /** The flag whose value comes next. */
  readonly pending: Flag | undefined;
  /** True after `--`. */
  readonly onlyArguments: boolean;
  readonly project: ProjectFlags;
}

/** Reads the words of a line after `tasks`, as commander would. The line may be unfinished or wrong. */
export function readTypedLine(words: readonly string[]): TypedLine {
  const start: TypedLine = {
    command: undefined,
    given: 0,
    pending: undefined,
    onlyArguments: false,
    project: {},
  };
  return words.reduce(afterWord, start);
}

function afterWord(line: TypedLine, word: string): TypedLine {
  const { pending } = line;
  const isFlag = word.startsWith('-') && word !== '-' && !line.onlyArguments;
  if (pending !== undefined && !(isFlag && isVariadic(pending[0]))) return withValue(line, pending, word);
  if (!isFlag) return withArgument(line, word);
  if (word === '--') return { ...line, pending: undefined, onlyArguments: true };
  const [name, value] = splitFlag(word);
  const flag = flagsOf(line.command).find(([declaration]) => namesOf(declaration).includes(name));
  if (flag === undefined || !flag[0].includes('<')) return { ...line, pending: undefined };
  return value === undefined ? { ...line, pending: flag } : withValue(line, flag, value);
}

function withArgument(line: TypedLine, word: string): TypedLine {
  if (line.command !== undefined || line.given > 0) return { ...line, given: line.given + 1 };
  const command =
    word === 'help'
      ? help
      : commands.find(({ usage, hiddenAlias }) => [nameOf(usage), hiddenAlias].includes(word));
  return command === undefined ? { ...line, given: 1 } : { ...line, command };
}

function withValue(line: TypedLine, flag: Flag, value: string): TypedLine {
  const pending = isVariadic(flag[0]) ? flag : undefined;
  const name = longName(flag[0]);
  const project = {
    ...line.project,
    ...(name === '--directory' ? { directory: value } : {}),
    ...(name === '--profile' ? { profile: value } : {}),
  };
  return { ...line, pending, project };
}

export function flagsOf(command: Completable | undefined): readonly Flag[] {
  if (command === undefined) return [...globalFlags, versionFlag, helpFlag];
  if (command === help) return [];
  const { own = [], shared = [] } = command;
  return [...own, ...shared, ...commonFlags, ...globalFlags, helpFlag];
}

export function nameOf(usage: string): string {
  return usage.split(' ')[0]!;
}

/** Returns the names in a declaration, such as `-j` and `--jobs`. */
function namesOf(declaration: string): string[] {
  return declaration.split(/[, ]+/).filter((part) => part.startsWith('-'));
}

export function longName(declaration: string): string {
  return namesOf(declaration).at(-1)!;
}

export function isVariadic(declaration: string): boolean {
  return declaration.includes('...');
}

/** Returns the name of a flag and the value that is part of its word: `--repo=x`, `-j4`. */
export function splitFlag(word: string): [name: string, value: string | undefined] {
  const [, name = word, value] = /^(--[^=]*)=(.*)$/s.exec(word) ?? /^(-[^-])(.+)$/s.exec(word) ?? [];
  return [name, value];
}
