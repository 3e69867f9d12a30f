import { commands, type Values } from './commands.ts';
import {
  flagsOf,
  help,
  isVariadic,
  longName,
  nameOf,
  type ProjectFlags,
  readTypedLine,
  splitFlag,
  type TypedLine,
} from './typed-line.ts';

/** A word that completion offers, with a description; `''`: none. */
export type Candidate = readonly [word: string, description: string];

/** What completes a word: candidates; or, after `prefix`, the paths of files or folders. */
export type Completion =
  | { readonly candidates: readonly Candidate[] }
  | { readonly paths: 'files' | 'folders'; readonly prefix: string };

/** What a project has; nothing if its definitions cannot be read. */
export interface ProjectWords {
  /** In order. */
  readonly tasks: readonly { readonly name: string; readonly id: string; readonly description: string }[];
  readonly profiles: readonly string[];
}

/**
 * Returns what completes the last of the words after `tasks`, which is `''` after a space. Candidates are whole words. Some do not
 * begin with the last word: shells match in their own ways.
 */
export async function complete(
  words: readonly string[],
  readProject: (flags: ProjectFlags) => Promise<ProjectWords>,
): Promise<Completion> {
  const line = readTypedLine(words.slice(0, -1));
  const word = words.at(-1) ?? '';
  const offer = async (values: Values | undefined, prefix: string, text: string): Promise<Completion> => {
    if (values === undefined) return { candidates: [] };
    if (values === 'files' || values === 'folders') return { paths: values, prefix };
    const found = await candidatesOf(values, text, () => readProject(line.project));
    return { candidates: found.map(([value, description]) => [prefix + value, description]) };
  };
  const isFlag = word.startsWith('-') && !line.onlyArguments;
  const { pending } = line;
  if (pending !== undefined && !(isFlag && isVariadic(pending[0]))) return await offer(pending[2], '', word);
  if (!isFlag) return await offer(argumentValues(line), '', word);
  const [name, value] = word.startsWith('--') ? splitFlag(word) : [word];
  const flags = flagsOf(line.command);
  if (value === undefined)
    return { candidates: flags.map(([declaration, help]) => [longName(declaration), help]) };
  const flag = flags.find(([declaration]) => longName(declaration) === name);
  return await offer(flag?.[2], `${name}=`, value);
}

function argumentValues({ command, given }: TypedLine): Values | undefined {
  if (command === undefined) return given === 0 ? 'commands' : undefined;
  const { usage, values = [] } = command;
  const count = isVariadic(usage) ? Number.POSITIVE_INFINITY : usage.split(' ').length - 1;
  return given < count ? values[Math.min(given, values.length - 1)] : undefined;
}

async function candidatesOf(
  values: Exclude<Values, 'files' | 'folders'>,
  text: string,
  readProject: () => Promise<ProjectWords>,
): Promise<Candidate[]> {
  switch (values) {
    case 'commands':
      return [...commands, help].map(({ usage, summary }) => [nameOf(usage), summary]);
    case 'profiles':
      return (await readProject()).profiles.map((name) => [name, '']);
    case 'selectors':
      return selectorsFor(text, (await readProject()).tasks);
    default:
      return values.map((value) => [value, '']);
  }
}

/** Returns all names, and the versions of the only name that the text can mean: a project may have a thousand tasks. */
function selectorsFor(text: string, tasks: ProjectWords['tasks']): Candidate[] {
  const plus = text.startsWith('+') ? '+' : '';
  const start = text.slice(plus.length);
  const names = new Map(tasks.map(({ name, description }) => [name, description]));
  const [named = ''] = start.split(':');
  const matching = [...names.keys()].filter((name) => name.startsWith(start));
  const meant = names.has(named) ? named : matching.length === 1 ? matching[0] : undefined;
  const all = tasks.filter(({ name }) => name === meant);
  const ofName = all.length > 1 || start.includes(':') ? all : [];
  return [
    ...[...names].map(([name, description]): Candidate => [plus + name, description]),
    ...ofName.map(({ id, description }): Candidate => [plus + id, description]),
  ];
}
