import { renameMountOrigin } from './mounts.ts';
import { type Flag, type Instruction, instructionWords } from './parse.ts';

/** What the name of an origin (a stage or image; `byNumber`: it may be a stage's number) is to be written as; undefined: as it is. */
export type RenameOrigin = (origin: string, byNumber: boolean) => string | undefined;

const asWritten: RenameOrigin = () => undefined;

/** An instruction as a text that is equal for two that mean the same: words parted by one space where only words count. */
export function canonicalText(instruction: Instruction, naming: RenameOrigin): string {
  const { keyword, rest, json, heredocs } = instruction;
  const isCopy = keyword === 'COPY' || keyword === 'ADD';
  const body = json !== undefined ? JSON.stringify(json) : isCopy ? copyText(instruction) : rest;
  const documents = heredocs.map(({ name, content }) => `\n${content}${name}`).join('');
  return [keyword, flagText(instruction, naming), body].filter((part) => part !== '').join(' ') + documents;
}

function copyText(instruction: Instruction): string {
  return instruction.heredocs.length > 0 ? instruction.rest : instructionWords(instruction).join(' ');
}

/** An instruction's flags in one form. */
export function flagText({ flags }: Instruction, naming: RenameOrigin = asWritten): string {
  return flags.map((flag) => `--${flag.name}=${quoted(valueIn(flag, naming))}`).join(' ');
}

/** No value can be taken for the end of one flag and the start of another. */
function quoted(value: string): string {
  return /^[^\s"]*$/.test(value) ? value : JSON.stringify(value);
}

function valueIn({ name, value }: Flag, naming: RenameOrigin): string {
  if (name === 'from') return naming(value, true) ?? value;
  return name === 'mount' ? renameMountOrigin(value, (origin) => naming(origin, false)) : value;
}
