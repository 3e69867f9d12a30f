import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { listLogs } from '../cache/logs.ts';
import type { LogTail, PageData, TaskFacts } from '../draw/page-data.ts';
import { makePicture, type Picture } from '../draw/picture.ts';
import { shellWord } from '../model/shell-word.ts';
import { type TaskId, versionIdOf } from '../model/task.ts';
import type { Host } from './host.ts';
import type { PlannedProject } from './plan-project.ts';

/** Returns the picture of a plan, with the tasks whose last build failed. `changedOnly`: only what would be done. */
export function projectPicture(planned: PlannedProject, changedOnly: boolean): Picture {
  return makePicture(planned.plan, { failed: failedTasks(planned), changedOnly });
}

/** Returns the title of pictures: the repository or the folder, and the profile. */
export function projectTitle({ root, profile, project }: PlannedProject): string {
  const name = project.repo ?? path.basename(root);
  return profile === 'default' ? name : `${name}, profile ${profile}`;
}

/** Returns the tasks to be made whose newest log is newer than their last record: that try produced no result. */
function failedTasks({ plan, previous, cacheFolder }: PlannedProject): Set<TaskId> {
  const failed = new Set<TaskId>();
  for (const { task, action } of plan.steps.values()) {
    if (action !== 'build' && action !== 'run') continue;
    const [newest] = listLogs(cacheFolder, task.id);
    if (newest === undefined) continue;
    const record = previous.get(task.id)?.record;
    // Logs are named by the time at which the task started, with the characters that file names may have.
    const recorded =
      record !== undefined && versionIdOf(record.task) === versionIdOf(task.id)
        ? record.time.replaceAll(':', '-')
        : '';
    if (path.basename(newest) > `${recorded}.log`) failed.add(task.id);
  }
  return failed;
}

/** Returns the HTML page of a plan, in one file. */
export async function projectPage(
  planned: PlannedProject,
  picture: Picture,
  { clock, program }: Pick<Host, 'clock' | 'program'>,
  about: Pick<PageData, 'isLive'>,
): Promise<string> {
  const { makePageData } = await import('../draw/page-data.ts');
  const { htmlPage } = await import('../draw/html.ts');
  const title = `tasks of ${projectTitle(planned)}`;
  const data = makePageData(picture, taskFacts(planned), {
    ...about,
    title,
    command: planned.profile === 'default' ? 'tasks' : `tasks --profile ${shellWord(planned.profile)}`,
    time: clock.now().toISOString(),
  });
  const readAsset = (name: string): string =>
    readFileSync(path.join(program.pageFolder, name), 'utf8').trimEnd();
  return htmlPage(data, { script: readAsset('page.js'), style: readAsset('style.css') });
}

function taskFacts({ plan, previous, cacheFolder, root }: PlannedProject): Map<TaskId, TaskFacts> {
  const facts = [...plan.steps.values()].map((step): [TaskId, TaskFacts] => {
    const { task, key, manifest, tags, expectedMs } = step;
    const nearest = previous.get(task.id)?.record;
    const [log] = listLogs(cacheFolder, task.id);
    return [
      task.id,
      {
        description: task.description,
        where: `${task.where.file} (${task.where.name})`,
        key,
        tags,
        manifest,
        record:
          nearest !== undefined && versionIdOf(nearest.task) === versionIdOf(task.id) ? nearest : undefined,
        expectedMs,
        log: log === undefined ? undefined : readTail(log, root),
      },
    ];
  });
  return new Map(facts);
}

/** How many lines of a log a page shows, and how many bytes of the file are searched for them. */
const [tailLines, tailBytes] = [25, 16_384];

function readTail(file: string, root: string): LogTail {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const start = Math.max(0, size - tailBytes);
    const bytes = Buffer.alloc(size - start);
    const read = readSync(descriptor, bytes, 0, bytes.length, start);
    const text = stripVTControlCharacters(bytes.subarray(0, read).toString('utf8'));
    const lines = text.trimEnd().split('\n');
    // The first line may be incomplete.
    return { file: path.relative(root, file), lines: lines.slice(start > 0 ? 1 : 0).slice(-tailLines) };
  } finally {
    closeSync(descriptor);
  }
}
