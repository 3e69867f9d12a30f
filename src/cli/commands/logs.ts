import { listLogs } from '../../cache/logs.ts';
import { readRegularFile } from '../../disk/read.ts';
import { resolveSelectors } from '../../graph/select.ts';
import { type ExitCode, TasksError } from '../../model/errors.ts';
import { testLogName } from '../../run/test-phase.ts';
import type { CommonFlags } from '../flags.ts';
import type { Io } from '../io.ts';
import { openProject } from '../project.ts';

/** `tasks logs <task>`: the last log of a task, or of its test where that is newer. */
export async function logs(selector: string, flags: CommonFlags, io: Io): Promise<ExitCode> {
  const { graph, cacheFolder } = await openProject(flags, io);
  const ids = [...resolveSelectors(graph, [selector])];
  const found = ids.flatMap((id) =>
    [...listLogs(cacheFolder, id), ...listLogs(cacheFolder, testLogName(id))].map((file) => ({ id, file })),
  );
  const [newest] = found.sort((a, b) => (timeOf(a.file) < timeOf(b.file) ? 1 : -1));
  if (newest === undefined) {
    throw new TasksError(1, `there is no log of ${ids.join(', ')} yet`, {
      hint: 'logs are written when a task is built, run or tested',
    });
  }
  io.err(`${newest.id}: ${newest.file}\n`);
  io.out(readRegularFile(newest.file).toString());
  return 0;
}

function timeOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1);
}
