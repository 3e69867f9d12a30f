import type { TasksError } from '../model/errors.ts';
import { makePaint } from '../report/paint.ts';
import { errorLines } from '../report/problems.ts';
import type { Terminal } from './context.ts';
import type { OwnCommand } from './error-text.ts';

/** Prints an error that the user can act on. */
export function printError(
  error: TasksError,
  { err, errStream, errIsTerminal }: Pick<Terminal, 'err' | 'errStream' | 'errIsTerminal'>,
  { pasteable }: Pick<OwnCommand, 'pasteable'>,
  hasColor: boolean,
): void {
  const lines = errorLines(error, makePaint(hasColor), errIsTerminal ? errStream.columns : undefined);
  err(pasteable(lines.map((line) => `${line}\n`).join('')));
}
