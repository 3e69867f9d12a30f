import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { listLogs } from '../cache/logs.ts';
import type { LogTail, PageData, TaskFacts } from '../draw/page-data.ts';
import { makePicture, type Picture } from '../draw/picture.ts';
import type { TaskId } from '../model/task.ts';
import type { Io } from './io.ts';
import type { Prospect } from './project.ts';

/** What a plan looks like, with the tasks that did not end well the last time. */
export function pictureOf(prospect: Prospect, changed: boolean): Picture {
  return makePicture(prospect.plan, { failed: failedTasks(prospect), changedOnly: changed });
}

/** Tasks to be made whose last log began after their last record: that try left nothing that can be used. */
function failedTasks({ plan, latest, cacheFolder }: Prospect): Set<TaskId> {
  const failed = new Set<TaskId>();
  for (const { task, action } of plan.steps.values()) {
    if (action !== 'build' && action !== 'run') continue;
    const [newest] = listLogs(cacheFolder, task.id);
    if (newest === undefined) continue;
    const record = latest.get(task.id)?.record;
    // Logs are named by the time at which the task began, in the letters of a file's name.
    const recorded = record?.task === task.id ? record.time.replaceAll(':', '-') : '';
    if (path.basename(newest) > `${recorded}.log`) failed.add(task.id);
  }
  return failed;
}

/** A page of a plan, in one file. */
export async function pageOf(
  prospect: Prospect,
  picture: Picture,
  io: Io,
  about: Pick<PageData, 'title' | 'isLive'>,
): Promise<string> {
  const { makePageData } = await import('../draw/page-data.ts');
  const { htmlPage } = await import('../draw/html.ts');
  const data = makePageData(picture, factsOf(prospect), { ...about, time: io.now().toISOString() });
  const part = (name: string): string => readFileSync(path.join(io.pageFolder, name), 'utf8').trimEnd();
  return htmlPage(data, { script: part('page.js'), style: part('style.css') });
}

function factsOf({ plan, latest, cacheFolder, root }: Prospect): Map<TaskId, TaskFacts> {
  const facts = [...plan.steps.values()].map((step): [TaskId, TaskFacts] => {
    const { task, key, manifest, tags, expectedMs } = step;
    const nearest = latest.get(task.id)?.record;
    const [log] = listLogs(cacheFolder, task.id);
    return [
      task.id,
      {
        description: task.description,
        where: `${task.where.file} (${task.where.name})`,
        key,
        tags,
        manifest,
        record: nearest?.task === task.id ? nearest : undefined,
        expectedMs,
        log: log === undefined ? undefined : endOf(log, root),
      },
    ];
  });
  return new Map(facts);
}

/** Lines of a log that a page shows, and how much of the file they are looked for in. */
const [shownLines, shownBytes] = [25, 16_384];

function endOf(file: string, root: string): LogTail {
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const start = Math.max(0, size - shownBytes);
    const bytes = Buffer.alloc(size - start);
    const read = readSync(descriptor, bytes, 0, bytes.length, start);
    const text = stripVTControlCharacters(bytes.subarray(0, read).toString('utf8'));
    const lines = text.trimEnd().split('\n');
    // The first may have lost its beginning.
    return { file: path.relative(root, file), lines: lines.slice(start > 0 ? 1 : 0).slice(-shownLines) };
  } finally {
    closeSync(descriptor);
  }
}

/** What a picture is of: the repository, or the folder. */
export function titleOf({ root, profile, project }: Prospect): string {
  const name = project.repo ?? path.basename(root);
  return profile === 'default' ? name : `${name}, profile ${profile}`;
}
