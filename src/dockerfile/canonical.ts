import { renameOrigin } from './mounts.ts';
import { type Flag, type Instruction, wordsOf } from './parse.ts';

/** What the name of an origin (a stage or image; `byNumber`: it may be a stage's number) is to be written as; undefined: as it is. */
export type Naming = (origin: string, byNumber: boolean) => string | undefined;

const asWritten: Naming = () => undefined;

/** An instruction as a text that is equal for two that mean the same: words parted by one space where only words count. */
export function canonical(instruction: Instruction, naming: Naming): string {
  const { keyword, rest, json, heredocs } = instruction;
  const isCopy = keyword === 'COPY' || keyword === 'ADD';
  const body = json !== undefined ? JSON.stringify(json) : isCopy ? copyText(instruction) : rest;
  const documents = heredocs.map(({ name, content }) => `\n${content}${name}`).join('');
  return [keyword, flagText(instruction, naming), body].filter((part) => part !== '').join(' ') + documents;
}

function copyText(instruction: Instruction): string {
  return instruction.heredocs.length > 0 ? instruction.rest : wordsOf(instruction).join(' ');
}

/** An instruction's flags in one form. */
export function flagText({ flags }: Instruction, naming: Naming = asWritten): string {
  return flags.map((flag) => `--${flag.name}=${quoted(valueIn(flag, naming))}`).join(' ');
}

/** No value can be taken for the end of one flag and the start of another. */
function quoted(value: string): string {
  return /^[^\s"]*$/.test(value) ? value : JSON.stringify(value);
}

function valueIn({ name, value }: Flag, naming: Naming): string {
  if (name === 'from') return naming(value, true) ?? value;
  return name === 'mount' ? renameOrigin(value, (origin) => naming(origin, false)) : value;
}
