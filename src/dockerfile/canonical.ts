import { renameMountOrigin } from './mounts.ts';
import { type Flag, type Instruction, instructionWords } from './parse.ts';

/**
 * Returns the text to write in place of an origin (the stage or image that `--from` or a mount's `from` names), or undefined
 * to keep the origin as written. `byNumber`: the origin may be a stage number.
 */
export type RenameOrigin = (origin: string, byNumber: boolean) => string | undefined;

const keepAll: RenameOrigin = () => undefined;

/** Formats an instruction so that equivalent instructions give equal texts: white space between words becomes one space. */
export function canonicalText(instruction: Instruction, rename: RenameOrigin): string {
  const { keyword, rest, json, heredocs } = instruction;
  const isCopy = keyword === 'COPY' || keyword === 'ADD';
  const body = json !== undefined ? JSON.stringify(json) : isCopy ? copyText(instruction) : rest;
  const documents = heredocs.map(({ name, content }) => `\n${content}${name}`).join('');
  return [keyword, flagText(instruction, rename), body].filter((part) => part !== '').join(' ') + documents;
}

function copyText(instruction: Instruction): string {
  return instruction.heredocs.length > 0 ? instruction.rest : instructionWords(instruction).join(' ');
}

/** Formats an instruction's flags as `--name=value`, separated by spaces. */
export function flagText({ flags }: Instruction, rename: RenameOrigin = keepAll): string {
  return flags.map((flag) => `--${flag.name}=${quoted(flagValue(flag, rename))}`).join(' ');
}

/** Quotes a value that could be read as the end of one flag and the start of the next. */
function quoted(value: string): string {
  return /^[^\s"]*$/.test(value) ? value : JSON.stringify(value);
}

function flagValue({ name, value }: Flag, rename: RenameOrigin): string {
  if (name === 'from') return rename(value, true) ?? value;
  return name === 'mount' ? renameMountOrigin(value, (origin) => rename(origin, false)) : value;
}
