// Records for all tasks of a workspace as if each had been built: `node seed.js ROOT IMAGES.json`, with what the engine would
// then list in IMAGES.json. The program's own code makes keys and writes records; only the builds are left out.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';

import { planProject } from '../src/cli/project.ts';
import { keyLabel, needsLabel, taskLabel } from '../src/model/labels.ts';

const [root, imagesFile, dist, programId] = process.argv.slice(2) as [string, string, string, string];
const io = {
  environment: { HOME: '/nonexistent', DOCKER_HOST: 'unix:///nonexistent' },
  cwd: root,
  enter: () => undefined,
  loadModule: (url: string) => import(url),
  onIdle: () => undefined,
  onMany: () => undefined,
  pageFolder: '',
  reaper: '',
  programVersion: '0',
  programId,
  out: () => undefined,
  json: () => undefined,
  err: () => undefined,
  ciCommand: () => undefined,
  terminal: process.stderr,
  outIsTerminal: false,
  outColumns: undefined,
  errIsTerminal: false,
  now: () => new Date(),
  signal: new AbortController().signal,
  cores: 1,
};
const { plan, records } = await planProject([], {}, io, { withoutEngine: true });
const images: object[] = [];
const ids = new Map<string, string>();
for (const { task, key, manifest, contentTag } of plan.steps.values()) {
  // A command runs for real in the first run.
  if (contentTag === undefined) continue;
  const imageId = `sha256:${createHash('sha256').update(task.id).digest('hex')}`;
  ids.set(task.id, imageId);
  const needs = Object.fromEntries(task.needs.flatMap((need) => need.tasks.map((id) => [id, ids.get(id)!])));
  await records.put(
    {
      key,
      task: task.id,
      imageId,
      needs,
      bytes: 40_960,
      durationMs: 400,
      tags: [contentTag!],
      time: '2026-11-23T00:00:00.000Z',
    },
    manifest!,
  );
  images.push({
    Id: imageId,
    ParentId: '',
    RepoTags: [contentTag],
    RepoDigests: null,
    Created: 1_790_000_000,
    Size: 40_960,
    SharedSize: -1,
    VirtualSize: 40_960,
    Labels: {
      [keyLabel]: key,
      [taskLabel]: task.id,
      [needsLabel]: JSON.stringify(needs),
      maintainer: 'nobody',
    },
    Containers: -1,
  });
}
writeFileSync(imagesFile, JSON.stringify(images));
