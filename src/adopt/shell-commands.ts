/** A command of a shell script. */
export interface ShellCommand {
  readonly words: readonly ShellWord[];
  /** The line where it begins, from 1. */
  readonly line: number;
  /** The folder where it runs, as `cd` and make say: relative to where the script starts, or absolute. */
  readonly folder: string;
}

export interface ShellWord {
  readonly text: string;
  /** What the word contains that only a shell knows, such as `$(date)`; undefined if its text is exact. */
  readonly unknown?: string;
}

interface Token {
  readonly operator?: string;
  readonly word?: ShellWord;
}

/** Words that stand before a command. */
const before = new Set([
  'do',
  'then',
  'else',
  'if',
  'while',
  'until',
  '!',
  'time',
  'exec',
  'command',
  'sudo',
  'env',
  '{',
  '@',
  '-',
]);

/**
 * Splits shell text into commands. Variables that the text sets itself, to text without substitutions, are replaced; loops and
 * functions are not followed. `isMake`: the text is what `make -n` prints, where each line has a shell of its own.
 */
export function splitCommands(text: string, isMake: boolean): ShellCommand[] {
  const variables = new Map<string, string>();
  const commands: ShellCommand[] = [];
  const makeFolders: string[] = [];
  let folder = '';
  for (const { line, content } of logicalLines(text)) {
    const [, verb, entered] =
      /^(?:g?make)(?:\[\d+\])?: (Entering|Leaving) directory [`'"](.*)['"]$/.exec(content) ?? [];
    if (verb === 'Entering') makeFolders.push(entered!);
    else if (verb === 'Leaving') makeFolders.pop();
    if (verb !== undefined) continue;
    if (isMake) folder = makeFolders.at(-1) ?? '';
    const stack: string[] = [];
    let words: ShellWord[] = [];
    const end = (): void => {
      while (words.length > 0 && before.has(words[0]!.text)) words = words.slice(1);
      const assigned = takeAssignments(words);
      words = words.slice(assigned.length);
      if (words.length === 0)
        for (const [name, value] of assigned) if (value !== undefined) variables.set(name, value);
      const [first, second] = words;
      if (first?.text === 'cd' && second !== undefined && second.unknown === undefined)
        folder = second.text.startsWith('/') ? second.text : [folder, second.text].filter(Boolean).join('/');
      else if (first !== undefined) commands.push({ words, line, folder });
      words = [];
    };
    for (const { operator, word } of tokens(content, variables)) {
      if (word !== undefined) words.push(word);
      else {
        end();
        if (operator === '(') stack.push(folder);
        if (operator === ')') folder = stack.pop() ?? folder;
      }
    }
    end();
  }
  return commands;
}

/** Joins lines that end with a backslash. */
function logicalLines(text: string): { readonly line: number; readonly content: string }[] {
  const lines: { line: number; content: string }[] = [];
  let open: { line: number; content: string } | undefined;
  for (const [at, raw] of text.split(/\r?\n/).entries()) {
    const current = open ?? { line: at + 1, content: '' };
    const isContinued = /(^|[^\\])(\\\\)*\\$/.test(raw);
    const content = `${current.content}${isContinued ? `${raw.slice(0, -1)} ` : raw}`;
    open = isContinued ? { line: current.line, content } : undefined;
    if (!isContinued) lines.push({ line: current.line, content });
  }
  if (open !== undefined) lines.push(open);
  return lines;
}

function takeAssignments(words: readonly ShellWord[]): (readonly [string, string | undefined])[] {
  const assigned: (readonly [string, string | undefined])[] = [];
  for (const { text, unknown } of words) {
    const [, name, value] = /^(?:export\s+)?([A-Za-z_]\w*)=([\s\S]*)$/.exec(text) ?? [];
    if (name === undefined) break;
    assigned.push([name, unknown === undefined ? value : undefined]);
  }
  return assigned;
}

function* tokens(line: string, variables: ReadonlyMap<string, string>): Generator<Token> {
  let text = '';
  let unknown: string | undefined;
  let isWord = false;
  let at = 0;
  const word = (): Token[] => {
    const made = isWord ? [{ word: { text, ...(unknown === undefined ? {} : { unknown }) } }] : [];
    [text, unknown, isWord] = ['', undefined, false];
    return made;
  };
  /** Reads what follows a `$` or a backquote. */
  const substitute = (): void => {
    const rest = line.slice(at);
    const [whole, plain, braced] = /^\$(?:(\w+)|\{(\w+)\})/.exec(rest) ?? [];
    const value = variables.get(plain ?? braced ?? '');
    if (whole !== undefined && value !== undefined) {
      text += value;
      at += whole.length;
      return;
    }
    const found = whole ?? substitution(rest);
    if (found === '$') text += '$';
    else {
      unknown ??= found;
      text += found;
    }
    at += found.length;
  };
  while (at < line.length) {
    const char = line[at]!;
    if (char === "'") {
      const close = line.indexOf("'", at + 1);
      text += line.slice(at + 1, close < 0 ? undefined : close);
      at = close < 0 ? line.length : close + 1;
      isWord = true;
    } else if (char === '"') {
      isWord = true;
      at++;
      while (at < line.length && line[at] !== '"') {
        if (line[at] === '\\' && /["\\$`]/.test(line[at + 1] ?? '')) {
          text += line[at + 1];
          at += 2;
        } else if (line[at] === '$' || line[at] === '`') substitute();
        else text += line[at++];
      }
      at++;
    } else if (char === '\\') {
      text += line[at + 1] ?? '';
      isWord = true;
      at += 2;
    } else if (char === '$' || char === '`') {
      isWord = true;
      substitute();
    } else if (char === '#' && !isWord) break;
    else if (/[;&|()]/.test(char)) {
      yield* word();
      yield { operator: char };
      at++;
    } else if (/\s/.test(char)) {
      yield* word();
      at++;
    } else {
      text += char;
      isWord = true;
      at++;
    }
  }
  yield* word();
}

/** Returns the text of a substitution: `$(…)`, `${…}`, or a command in backquotes. */
function substitution(text: string): string {
  if (text.startsWith('`')) return text.slice(0, Math.max(text.indexOf('`', 1) + 1, 1));
  const close = { '(': ')', '{': '}' }[text[1] ?? ''];
  if (close === undefined) return /^\$[@*#?!$-]/.exec(text)?.[0] ?? '$';
  let depth = 0;
  for (let at = 1; at < text.length; at++) {
    if (text[at] === text[1]) depth++;
    if (text[at] === close && --depth === 0) return text.slice(0, at + 1);
  }
  return text;
}
