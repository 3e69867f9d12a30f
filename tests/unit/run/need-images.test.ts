import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image } from '../../../src/define/index.ts';
import { needsLabel } from '../../../src/model/labels.ts';
import type { TaskRecord } from '../../../src/model/record.ts';
import type { Services } from '../../../src/run/services.ts';
import { settle } from '../../support/fake-engine.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('what a result stands on');

/** base → app, by a build arg; base → tool, a command. */
function project() {
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

type Rig = ReturnType<typeof project>;

const textOf = async (
  { dockerfile }: { dockerfile: { rewrite?: (text: string) => Promise<string> } },
  text: string,
) => await dockerfile.rewrite!(text);

/** Another run makes the base anew: its content tag moves to another image. */
async function forceBase(rig: Rig): Promise<string> {
  const { results } = await rig.build({ selectors: ['base'], force: true });
  rig.engine.autoFinish = false;
  return results.get('base:latest')!.imageId!;
}

const imageOf = (rig: Rig, tag: string) => rig.engine.allImages.find(({ tags }) => tags.includes(tag));

test('a build takes its needs by tags that hold their image IDs, whatever moves meanwhile; its build arg says no repository', async () => {
  const rig = project();
  await rig.build({ selectors: ['base'] });
  rig.engine.autoFinish = false;
  const first = await rig.plan({ selectors: ['app'] });
  const other = await rig.plan({ selectors: ['app'], repo: 'registry.example/other' });
  const before = first.plan.steps.get('base:latest')!.record!.imageId!;
  const after = await forceBase(rig);
  assert.is.not(before, after);
  const running = first.run();
  await settle();
  const { request, succeed } = rig.engine.pending.pop()!;
  const content = first.plan.steps.get('base:latest')!.contentTag!;
  assert.match(content, /^tasks\.invalid\/base:latest-k[0-9a-f]{12}$/);
  assert.equal(request.args, { BASE: content });
  const text = await textOf(
    request,
    'ARG BASE\nFROM $BASE AS x\nARG BASE\nRUN echo $BASE\nCOPY --from=$BASE / /\n',
  );
  const own = `${content}-i${before.slice(7, 19)}`;
  assert.is(text, `ARG BASE\nFROM ${own} AS x\nARG BASE\nRUN echo $BASE\nCOPY --from=${own} / /\n`);
  assert.is(imageOf(rig, own)!.id, before);
  assert.is(imageOf(rig, content)!.id, after);
  assert.equal(JSON.parse(request.labels[needsLabel]!), { 'base:latest': before });
  succeed();
  assert.is((await running).outcome, 'ok');
  assert.is(other.plan.steps.get('app:latest')!.key, first.plan.steps.get('app:latest')!.key);
  assert.is(other.plan.steps.get('base:latest')!.contentTag, content);
  const next = await rig.plan({ selectors: ['app'] });
  assert.equal(
    next.plan.steps.get('app:latest')!.reasons.map(({ code }) => code),
    ['need-image'],
  );
});

test('a command is told of an image by its content tag, and fails where another run moves that', async () => {
  for (const when of ['before', 'meanwhile'] as const) {
    const rig = project();
    await rig.build({ selectors: ['base'] });
    const { run } = await rig.plan({ selectors: ['tool'] });
    if (when === 'before') await forceBase(rig);
    rig.onCommand = async ({ env }) => {
      writeFileSync(path.join(env.TASKS_OUT!, 'made'), '');
      rig.onCommand = async () => undefined;
      await forceBase(rig);
    };
    const { outcome, failed } = await run();
    assert.equal([outcome, failed], ['failed', ['tool:latest']]);
    const error = rig.events.flatMap((event) =>
      event.type === 'task-finished' ? (event.error?.message ?? []) : [],
    );
    assert.match(error.join(), /no longer the image of base:latest .* another run replaced it; run again/);
    assert.is(rig.commands.length, when === 'before' ? 0 : 1);
  }
});

test('a result that another run made meanwhile is taken where it stands on the same images, whatever the clocks say', async () => {
  for (const time of ['1970-01-01T00:00:00.000Z', '2999-01-01T00:00:00.000Z']) {
    const rig = project();
    const { run } = await rig.plan({ selectors: ['app'] });
    const { results } = await rig.build({ selectors: ['app'] });
    await setTime(await rig.plan({ selectors: ['app'] }), results.get('app:latest')!, time);
    rig.engine.autoFinish = false;
    const running = run();
    await settle();
    assert.is(rig.engine.pending.length, 0);
    const { counts } = await running;
    assert.is(counts.reused, 2);
  }
});

test('a result that another run made on another image of a need is not taken', async () => {
  const rig = project();
  await rig.build({ selectors: ['base'] });
  rig.engine.autoFinish = false;
  const one = await rig.plan({ selectors: ['app'] });
  const running = one.run();
  await settle();
  const slow = rig.engine.pending.pop()!;
  const after = await forceBase(rig);
  const two = await rig.plan({ selectors: ['app'] });
  slow.succeed();
  await running;
  rig.engine.autoFinish = true;
  const { counts, results } = await two.run();
  assert.is(counts.built, 1);
  assert.equal(results.get('app:latest')!.needs, { 'base:latest': after });
  assert.is((await rig.plan({ selectors: ['app'] })).plan.steps.get('app:latest')!.action, 'reuse');
});

test('--force makes it, although a record is from a clock that was ahead, or another run made it meanwhile', async () => {
  const rig = project();
  const { results } = await rig.build({ selectors: ['app'] });
  const first = results.get('app:latest')!;
  await setTime(await rig.plan({ selectors: ['app'] }), first, '2999-01-01T00:00:00.000Z');
  const { run } = await rig.plan({ selectors: ['app'], force: true });
  const other = await rig.build({ selectors: ['app'], force: true });
  const { counts, results: after } = await run();
  assert.is(counts.built, 1);
  const ids = [first, other.results.get('app:latest')!, after.get('app:latest')!].map(
    ({ imageId }) => imageId,
  );
  assert.is(new Set(ids).size, 3);
});

test('what stands on something made anew is made, although a record is from a clock that was ahead', async () => {
  const rig = project();
  const { results } = await rig.build({ selectors: ['app'] });
  await setTime(
    await rig.plan({ selectors: ['app'] }),
    results.get('app:latest')!,
    '2999-01-01T00:00:00.000Z',
  );
  await forceBase(rig);
  const { counts } = await rig.build({ selectors: ['app'] });
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

test('where it is not understood how a need is used, a build fails once the need has another image', async () => {
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
  const rig = makeTestProject({ base, known, unknown }, root);
  await rig.build({ selectors: ['base'] });
  rig.engine.autoFinish = false;
  for (const [name, isWell] of [
    ['known', true],
    ['unknown', false],
  ] as const) {
    const running = (await rig.plan({ selectors: [name] })).run();
    await settle();
    const { succeed } = rig.engine.pending.pop()!;
    await forceBase(rig as unknown as Rig);
    succeed();
    assert.is((await running).outcome, isWell ? 'ok' : 'failed', name);
  }
});

test.run();
