import path from 'node:path';
import { type Disk, kindOf } from '../disk/disk.ts';
import type { ObservedCommand } from '../model/observed.ts';
import type { CommandTask } from '../model/task.ts';
import type { Fault } from './image.ts';
import { readInputs } from './inputs.ts';
import type { Memo } from './memo.ts';
import { readEntry } from './walk.ts';

export interface CommandReader {
  readonly root: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly memo: Memo;
  readonly disk: Disk;
}

/** What a command task reads. Faults of the definition go to `complain`; undefined is returned then. @throws Unreadable */
export function observeCommand(
  task: CommandTask,
  { root, environment, memo, disk }: CommandReader,
  complain: (fault: Fault) => void,
): ObservedCommand | undefined {
  const [program] = task.run;
  const file = program.includes('/') ? path.resolve(root, program) : undefined;
  if (file !== undefined && kindOf(disk, file) !== 'file') {
    complain({
      field: 'run',
      message: 'there is no such program',
      found: program,
      expected: 'a file below the project root, or a name found on PATH',
    });
    return undefined;
  }
  const { entries, missing, refused } = readInputs(root, task.inputs, memo, disk);
  for (const pattern of missing)
    complain({ field: 'inputs', message: 'there is no such file', found: pattern });
  for (const { pattern, reason } of refused) complain({ field: 'inputs', message: reason, found: pattern });
  const entry = file === undefined ? undefined : readEntry(file, program, memo, disk);
  return {
    kind: 'command',
    ...(entry ? { program: entry } : {}),
    inputs: entries,
    env: Object.fromEntries(task.env.map((name) => [name, environment[name] ?? null])),
    machine: `${process.platform}/${process.arch}`,
  };
}
