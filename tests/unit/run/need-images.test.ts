import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image } from '../../../src/define/index.ts';
import { needsLabel } from '../../../src/model/labels.ts';
import type { BuildRequest } from '../../../src/model/ports.ts';
import type { TaskRecord } from '../../../src/model/record.ts';
import type { Services } from '../../../src/run/services.ts';
import { settle } from '../../support/fake-engine.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('images of needs');

/** base → app, by a build arg; base → tool, a command. */
function makeProject() {
  const root = tempFolder();
  writeFiles(root, {
    'b/Dockerfile': 'FROM scratch\n',
    'a/Dockerfile': 'ARG BASE\nFROM $BASE AS x\nARG BASE\nRUN echo $BASE\nCOPY --from=$BASE / /\n',
  });
  const base = image({ name: 'base', context: 'b', publish: false });
  const app = image({ name: 'app', context: 'a', needs: { BASE: base } });
  const tool = command({ name: 'tool', run: ['use-it'], needs: { base } });
  return makeTestProject({ base, app, tool }, root);
}

type Project = ReturnType<typeof makeProject>;

const textOf = ({ dockerfile }: BuildRequest): string => Buffer.from(dockerfile.text).toString();

/** Lets another run rebuild the base, which moves its content tag to another image. Returns the image's ID. */
async function forceBase(project: Project): Promise<string> {
  const { results } = await project.build({ selectors: ['base'], force: true });
  project.engine.autoFinish = false;
  return results.get('base:latest')!.imageId!;
}

const imageOf = (project: Project, tag: string) =>
  project.engine.allImages.find(({ tags }) => tags.includes(tag));

test('a build gets its needs by exact tags, which do not move; its build args contain no repository', async () => {
  for (const namedContexts of [true, false]) await checkPinnedNeed(namedContexts);
});

async function checkPinnedNeed(namedContexts: boolean): Promise<void> {
  const project = makeProject();
  project.engine.namedContexts = namedContexts;
  await project.build({ selectors: ['base'] });
  project.engine.autoFinish = false;
  const first = await project.plan({ selectors: ['app'] });
  const other = await project.plan({ selectors: ['app'], repo: 'registry.example/other' });
  const before = first.plan.steps.get('base:latest')!.record!.imageId!;
  const after = await forceBase(project);
  assert.is.not(before, after);
  const running = first.run();
  await settle();
  const { request, succeed } = project.engine.pending.pop()!;
  const content = first.plan.steps.get('base:latest')!.contentTag!;
  assert.match(content, /^tasks\.invalid\/base:latest-k[0-9a-f]{12}$/);
  assert.equal(request.args, { BASE: content });
  const idTag = `${content}-i${before.slice(7, 19)}`;
  const name = namedContexts ? content : idTag;
  assert.is(
    textOf(request),
    `ARG BASE\nFROM ${name} AS x\nARG BASE\nRUN echo $BASE\nCOPY --from=${name} / /\n`,
  );
  assert.equal(request.namedImages, namedContexts ? { [content]: idTag } : {});
  assert.is(imageOf(project, idTag)!.id, before);
  assert.is(imageOf(project, content)!.id, after);
  assert.equal(JSON.parse(request.labels[needsLabel]!), { 'base:latest': before });
  succeed();
  assert.is((await running).outcome, 'ok');
  assert.is(other.plan.steps.get('app:latest')!.key, first.plan.steps.get('app:latest')!.key);
  assert.is(other.plan.steps.get('base:latest')!.contentTag, content);
  const next = await project.plan({ selectors: ['app'] });
  assert.equal(
    next.plan.steps.get('app:latest')!.reasons.map(({ code }) => code),
    ['need-image'],
  );
}

test('a command gets an image by its content tag and fails if another run moves the tag', async () => {
  for (const when of ['before', 'during'] as const) {
    const project = makeProject();
    await project.build({ selectors: ['base'] });
    const { run } = await project.plan({ selectors: ['tool'] });
    if (when === 'before') await forceBase(project);
    project.onCommand = async ({ env }) => {
      writeFileSync(path.join(env.TASKS_OUT!, 'made'), '');
      project.onCommand = async () => undefined;
      await forceBase(project);
    };
    const { outcome, failed } = await run();
    assert.equal([outcome, failed], ['failed', ['tool:latest']]);
    const error = project.events.flatMap((event) =>
      event.type === 'task-finished' ? (event.error?.message ?? []) : [],
    );
    assert.match(
      error.join(),
      /another run replaced the image of base:latest \(.*\) during this run; run again/,
    );
    assert.is(project.commands.length, when === 'before' ? 0 : 1);
  }
});

test('a result that another run built since planning is used if it has the same needs, whatever its time', async () => {
  for (const time of ['1970-01-01T00:00:00.000Z', '2999-01-01T00:00:00.000Z']) {
    const project = makeProject();
    const { run } = await project.plan({ selectors: ['app'] });
    const { results } = await project.build({ selectors: ['app'] });
    await setTime(await project.plan({ selectors: ['app'] }), results.get('app:latest')!, time);
    project.engine.autoFinish = false;
    const running = run();
    await settle();
    assert.is(project.engine.pending.length, 0);
    const { counts } = await running;
    assert.is(counts.reused, 2);
  }
});

test('a result that another run built with another image of a need is not used', async () => {
  const project = makeProject();
  await project.build({ selectors: ['base'] });
  project.engine.autoFinish = false;
  const one = await project.plan({ selectors: ['app'] });
  const running = one.run();
  await settle();
  const slow = project.engine.pending.pop()!;
  const after = await forceBase(project);
  const two = await project.plan({ selectors: ['app'] });
  slow.succeed();
  await running;
  project.engine.autoFinish = true;
  const { counts, results } = await two.run();
  assert.is(counts.built, 1);
  assert.equal(results.get('app:latest')!.needs, { 'base:latest': after });
  assert.is((await project.plan({ selectors: ['app'] })).plan.steps.get('app:latest')!.action, 'reuse');
});

test('--force builds even if there is a record with a future time or a result of another run', async () => {
  const project = makeProject();
  const { results } = await project.build({ selectors: ['app'] });
  const first = results.get('app:latest')!;
  await setTime(await project.plan({ selectors: ['app'] }), first, '2999-01-01T00:00:00.000Z');
  const { run } = await project.plan({ selectors: ['app'], force: true });
  const other = await project.build({ selectors: ['app'], force: true });
  const { counts, results: after } = await run();
  assert.is(counts.built, 1);
  const ids = [first, other.results.get('app:latest')!, after.get('app:latest')!].map(
    ({ imageId }) => imageId,
  );
  assert.is(new Set(ids).size, 3);
});

test('dependents of a rebuilt image are rebuilt even if their record has a future time', async () => {
  const project = makeProject();
  const { results } = await project.build({ selectors: ['app'] });
  await setTime(
    await project.plan({ selectors: ['app'] }),
    results.get('app:latest')!,
    '2999-01-01T00:00:00.000Z',
  );
  await forceBase(project);
  const { counts } = await project.build({ selectors: ['app'] });
  assert.equal([counts.built, counts.reused], [1, 1]);
});

async function setTime(
  { services, plan }: { services: Services; plan: { steps: ReadonlyMap<string, { manifest?: unknown }> } },
  record: TaskRecord,
  time: string,
): Promise<void> {
  const { manifest } = plan.steps.get(record.task)!;
  await services.records.put({ ...record, time }, manifest as Parameters<Services['records']['put']>[1]);
}

test('without named contexts, a build of a Dockerfile that is not fully understood fails when its need gets another image', async () => {
  const root = tempFolder();
  writeFiles(root, {
    'b/Dockerfile': 'FROM scratch\n',
    'a/Dockerfile': 'ARG BASE\nFROM $BASE\nRUN --new=x true\n',
  });
  writeFiles(root, {
    'c/Dockerfile': 'ARG BASE\nFROM scratch\nRUN --mount=type=bind,\\"from=x\\" true\nARG BASE\n',
  });
  const base = image({ name: 'base', context: 'b', publish: false });
  const known = image({ name: 'known', context: 'a', needs: { BASE: base } });
  const unknown = image({ name: 'unknown', context: 'c', needs: { BASE: base } });
  const project = makeTestProject({ base, known, unknown }, root);
  await project.build({ selectors: ['base'] });
  project.engine.autoFinish = false;
  for (const [name, namedContexts, succeeds] of [
    ['known', false, true],
    ['unknown', true, true],
    ['unknown', false, false],
  ] as const) {
    project.engine.namedContexts = namedContexts;
    const running = (await project.plan({ selectors: [name] })).run();
    await settle();
    const { succeed } = project.engine.pending.pop()!;
    await forceBase(project as unknown as Project);
    succeed();
    assert.is((await running).outcome, succeeds ? 'ok' : 'failed', name);
  }
});

test.run();
