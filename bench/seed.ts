// `node seed.js ROOT IMAGES.json`: writes records for all tasks of a workspace as if they had been built, and the list of images
// that the engine would have to IMAGES.json. The program's own code computes keys and writes records; only the builds are left
// out.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';

import { dockerConnections, type Host, systemClock } from '../src/app/host.ts';
import { openProject } from '../src/app/open-project.ts';
import { planProject } from '../src/app/plan-project.ts';
import { keyLabel, needsLabel, taskLabel } from '../src/model/labels.ts';

const [root, imagesFile, programId] = process.argv.slice(2) as [string, string, string];
const environment = { HOME: '/nonexistent', DOCKER_HOST: 'unix:///nonexistent' };
const host: Host = {
  environment,
  clock: systemClock,
  program: { id: programId, pageFolder: '', typesFile: '', reaper: '', loadModule: (url) => import(url) },
  connections: dockerConnections(environment, { reaper: '', warn: () => undefined }),
  notify: () => undefined,
};
const { plan, records } = await planProject(
  await openProject({ root, profile: 'default' }, host),
  {
    selectors: [],
    names: { release: false },
    force: false,
    fromRegistry: false,
    signal: new AbortController().signal,
  },
  host,
  { needsEngine: false },
);
const images: object[] = [];
const ids = new Map<string, string>();
for (const { task, key, manifest, contentTag } of plan.steps.values()) {
  // The first run runs commands.
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
