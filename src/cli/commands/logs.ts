import path from 'node:path';
import { followLog } from '../../app/follow-log.ts';
import { newestLog, type TaskLog, taskLogs } from '../../app/task-logs.ts';
import { readRegularFile } from '../../disk/read.ts';
import { type ExitCode, TasksError } from '../../model/errors.ts';
import { alignColumns, formatBytes } from '../../report/format.ts';
import { type Context, openHere } from '../context.ts';

export interface LogsFlags {
  readonly test?: boolean;
  readonly follow?: boolean;
  readonly list?: boolean;
}

/** `tasks logs [task]`: prints the newest log of a task or of its test, follows it, or lists the logs. */
export async function logs(
  context: Context,
  [selector]: readonly string[],
  flags: LogsFlags,
): Promise<ExitCode> {
  const { terminal } = context;
  const kind = flags.test ? 'test' : 'build';
  if (flags.list) {
    if (flags.follow) throw new TasksError(2, '--list and --follow exclude each other', { hint: 'use one' });
    const kinds: TaskLog['kind'][] = flags.test ? ['test'] : ['build', 'test'];
    const found = taskLogs(await openHere(context), selector === undefined ? [] : [selector], kinds);
    for (const line of alignColumns(found.map(columnsOf))) terminal.out(`${line}\n`);
    if (found.length === 0) terminal.err('no logs: a log is written when a task is built, run or tested\n');
    return 0;
  }
  if (selector === undefined)
    throw new TasksError(2, 'name the task whose log to print', {
      hint: '`tasks logs --list` lists the logs of all tasks',
    });
  const { log, others } = newestLog(await openHere(context), selector, kind);
  terminal.err(`${headline(log, others, flags, context)}\n`);
  if (!flags.follow) {
    terminal.out(readRegularFile(log.file).toString());
    return 0;
  }
  const { host, signal } = context;
  await followLog(log.file, terminal.out, host.clock, signal);
  return 0;
}

/** Returns the line that says which log follows, and what else there is. */
function headline(
  { id, file, isOpen }: TaskLog,
  others: readonly string[],
  { follow }: LogsFlags,
  { cwd }: Context,
): string {
  const running = isOpen ? `, still running${follow ? '' : ': add --follow to wait for the rest'}` : '';
  const newest = others.length > 0 ? ` (the newest; also of ${others.join(', ')})` : '';
  return `${id}: ${path.relative(cwd, file)}${newest}${running}`;
}

function columnsOf({ id, kind, started, bytes, isOpen }: TaskLog): string[] {
  const time = started.toISOString().slice(0, 19).replace('T', ' ');
  return [id, kind, `${time} UTC`, formatBytes(bytes), isOpen ? 'running' : ''];
}
