import { newestLog } from '../../app/newest-log.ts';
import { readRegularFile } from '../../disk/read.ts';
import type { ExitCode } from '../../model/errors.ts';
import { type Context, openHere } from '../context.ts';

/** `tasks logs <task>`: prints the newest log of a task or of its test. */
export async function logs(context: Context, selector: string): Promise<ExitCode> {
  const { id, file } = newestLog(await openHere(context), selector);
  context.terminal.err(`${id}: ${file}\n`);
  context.terminal.out(readRegularFile(file).toString());
  return 0;
}
