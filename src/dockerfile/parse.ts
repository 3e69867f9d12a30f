import { DockerfileError } from './error.ts';
import { type Heredoc, type LogicalLine, readHeredoc, readLines } from './lines.ts';
import { isSpace, trim } from './space.ts';

export interface Flag {
  readonly name: string;
  readonly value: string;
}

/** A flag's word without quotes and escapes, and where it stands as it is written. */
export interface FlagWord {
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

export interface Instruction {
  /** Upper case. */
  readonly keyword: string;
  /** Where it begins, from 1. */
  readonly line: number;
  readonly flags: readonly Flag[];
  /** What stands behind the flags, as it is written. */
  readonly rest: string;
  /** The members of its JSON form; undefined where it has another. */
  readonly json?: readonly string[];
  readonly heredocs: readonly Heredoc[];
  /** What ONBUILD holds. */
  readonly trigger?: Instruction;
}

export interface Dockerfile {
  readonly instructions: readonly Instruction[];
  readonly escapeToken: string;
  /** The image of the `# syntax=` line. */
  readonly syntax?: string;
  /** True where that is another language than docker's own. */
  readonly isForeign: boolean;
}

const keywords = new Set(
  'ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR'.split(
    ' ',
  ),
);
const mayBeJson = new Set(['ADD', 'CMD', 'COPY', 'ENTRYPOINT', 'RUN', 'SHELL', 'VOLUME']);

/**
 * Splits a Dockerfile into instructions, as BuildKit does.
 * @throws DockerfileError where there is no stage, or an instruction that does not exist or stands before the first FROM
 */
export function parseDockerfile(text: string): Dockerfile {
  const syntax = syntaxOf(text);
  if (syntax !== undefined && isForeign(syntax))
    return { instructions: [], escapeToken: '\\', syntax, isForeign: true };
  const { escapeToken, lines } = readLines(text);
  const instructions = lines.map((line) => readInstruction(line, escapeToken));
  check(instructions);
  return { instructions, escapeToken, isForeign: false, ...(syntax !== undefined ? { syntax } : {}) };
}

/** True for an image that reads another language than docker's own. */
export function isForeign(syntax: string): boolean {
  return !/(^|\/)docker\/dockerfile(-upstream)?(:|@|$)/.test(syntax);
}

/** As BuildKit looks for it: in `#` or `//` directives, or a JSON object; behind a line `#!` too. */
function syntaxOf(text: string): string | undefined {
  const body = text.replace(/^\uFEFF/, '').replace(/^#![^\n]*(\n|$)/, '');
  for (const mark of ['#', '//']) {
    for (const line of body.split('\n')) {
      const match = new RegExp(`^${mark}\\s*([a-zA-Z][a-zA-Z0-9]*)\\s*=\\s*(.+?)\\s*$`).exec(line);
      const name = match?.[1]?.toLowerCase();
      if (name === 'syntax') return match![2]!.split(' ', 1)[0];
      if (name !== 'escape' && name !== 'check') break;
    }
  }
  if (!body.trimStart().startsWith('{')) return undefined;
  try {
    const { syntax } = JSON.parse(body) as { syntax?: unknown };
    return typeof syntax === 'string' ? syntax : undefined;
  } catch {
    // No JSON: then it is a Dockerfile, and wrong; the parser says where.
    return undefined;
  }
}

type Joined = Pick<LogicalLine, 'text' | 'line' | 'heredocs'>;

function readInstruction({ text, line, heredocs }: Joined, escapeToken: string): Instruction {
  const [, word, behind = ''] = /^([^\t\v\f\r ]+)(?:[\t\v\f\r ]+([\s\S]*))?$/.exec(text)!;
  const keyword = word!.toUpperCase();
  const { flags, rest } = splitFlags(behind, escapeToken);
  const json = mayBeJson.has(keyword) ? readJson(rest) : undefined;
  const inner = keyword === 'ONBUILD' && rest !== '' ? { text: rest, line, heredocs } : undefined;
  return {
    keyword,
    line,
    flags: flags.map(({ word }) => asFlag(word)),
    rest,
    ...(json !== undefined ? { json } : {}),
    heredocs,
    ...(inner !== undefined ? { trigger: readInstruction(inner, escapeToken) } : {}),
  };
}

/** Words that begin with `--`, quotes and escapes taken off, up to the first that does not; `--` alone ends them. */
export function splitFlags(text: string, escapeToken: string): { flags: FlagWord[]; rest: string } {
  const flags: FlagWord[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && isSpace(text[at]!)) at++;
    if (!text.startsWith('--', at)) return { flags, rest: trim(text.slice(at)) };
    const start = at;
    let word = '';
    let quote = '';
    for (; at < text.length; at++) {
      const char = text[at]!;
      if (quote === '' && isSpace(char)) break;
      if (char === quote) quote = '';
      else if (quote === '' && (char === '"' || char === "'")) quote = char;
      else if (char !== escapeToken) word += char;
      else if (at + 1 < text.length) word += text[++at]!;
    }
    if (word === '--') return { flags, rest: trim(text.slice(at)) };
    flags.push({ word, start, end: at });
  }
}

function asFlag(word: string): Flag {
  const [, name, value] = /^--([^=]*)(?:=([\s\S]*))?$/.exec(word)!;
  return { name: name!.toLowerCase(), value: value ?? '' };
}

function readJson(rest: string): string[] | undefined {
  if (!rest.startsWith('[')) return undefined;
  try {
    const values: unknown = JSON.parse(rest);
    if (Array.isArray(values) && values.every((value) => typeof value === 'string')) return values;
  } catch {
    // Not JSON after all: docker then takes it as plain words, too.
  }
  return undefined;
}

/** The words of an instruction without its heredocs: members of its JSON form, or what white space parts. */
export function wordsOf(instruction: Instruction): readonly string[] {
  const words = instruction.json ?? instruction.rest.split(/[\t\v\f\r ]+/).filter(Boolean);
  return instruction.heredocs.length === 0 ? words : words.filter((word) => readHeredoc(word) === undefined);
}

function check(instructions: readonly Instruction[]): void {
  for (const instruction of instructions) checkOne(instruction);
  const first = instructions.find(({ keyword }) => keyword !== 'ARG');
  if (first === undefined)
    throw new DockerfileError(1, 'there is no FROM: a Dockerfile needs at least one stage');
  if (first.keyword !== 'FROM')
    throw new DockerfileError(first.line, `${first.keyword} stands before the first FROM`);
}

function checkOne({ keyword, line, rest, heredocs, trigger }: Instruction): void {
  if (!keywords.has(keyword)) throw new DockerfileError(line, `unknown instruction ${keyword}`);
  if (rest === '' && heredocs.length === 0) throw new DockerfileError(line, `${keyword} has no arguments`);
  if (trigger === undefined) return;
  if (['FROM', 'MAINTAINER', 'ONBUILD'].includes(trigger.keyword))
    throw new DockerfileError(line, `${trigger.keyword} cannot stand behind ONBUILD`);
  checkOne(trigger);
}
