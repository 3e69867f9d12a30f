import { chmodSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { brokenTests } from '../../../src/app/tested-tasks.ts';
import { command, image } from '../../../src/define/index.ts';
import type { Definition } from '../../../src/define/types.ts';
import { needsLabel, taskLabel } from '../../../src/model/labels.ts';
import { machinePlatform } from '../../../src/model/machine.ts';
import { platformArgs } from '../../../src/model/platform.ts';
import { fakeEngine, settle } from '../../support/fake-engine.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject, testSuffix } from '../../support/test-project.ts';

const test = suite('builds for several platforms');
const both = ['linux/amd64', 'linux/arm64'];

function files(): string {
  const root = tempFolder();
  writeFiles(root, {
    'base/Dockerfile': 'FROM scratch\nCOPY made/p /\n',
    'tools/Dockerfile': 'FROM scratch\nCOPY t /\n',
    'tools/t': 't',
    'app/Dockerfile':
      'ARG BASE\nARG TOOLS\nFROM --platform=$BUILDPLATFORM $TOOLS AS tools\nFROM $BASE\nARG BUILDARCH TARGETARCH\nCOPY --from=tools /t /\n',
  });
  return root;
}

function definitions(
  platforms: readonly string[],
  toolPlatforms: readonly string[] = ['linux/amd64'],
): Record<string, Definition> {
  const made = command({ name: 'made', run: ['make'], platforms });
  const base = image({ name: 'base', context: 'base', platforms, needs: { made } });
  const tools = image({ name: 'tools', context: 'tools', platforms: toolPlatforms, publish: false });
  const app = image({ name: 'app', context: 'app', platforms, needs: { BASE: base, TOOLS: tools } });
  return { made, base, tools, app };
}

function projectOf(platforms: readonly string[], root = files(), engine = fakeEngine()) {
  engine.autoFinish = true;
  const project = makeTestProject(definitions(platforms), root, engine);
  project.onCommand = async ({ env }) =>
    writeFiles(env.TASKS_OUT!, { p: String(env.TASKS_PLATFORM ?? 'none') });
  return project;
}

test('each platform is built with its needs and args; run tags are for that of this machine', async () => {
  const project = projectOf(both);
  const { run } = await project.plan();
  assert.is((await run()).outcome, 'ok');
  const tagged = project.engine.allImages
    .flatMap(({ tags }) => tags)
    .filter((tag) => tag.startsWith('test/'));
  assert.equal(tagged.sort(), [`test/app:latest${testSuffix}`, `test/base:latest${testSuffix}`]);
  const labels = project.engine.allImages.map((each) => each.labels);
  assert.equal(labels.map((each) => each[taskLabel]).sort(), [
    'app:latest',
    'app:latest',
    'base:latest',
    'base:latest',
    'tools:latest',
  ]);
  for (const each of labels) assert.not.match(`${each[needsLabel]}`, '@linux');
  assert.equal(project.commands.map(({ env }) => env.TASKS_PLATFORM).sort(), both);
});

test('another platform rebuilds nothing of the first one, with and without .cache', async () => {
  for (const keepsCache of [true, false]) {
    const root = files();
    const engine = fakeEngine();
    await (await projectOf(['linux/amd64'], root, engine).plan()).run();
    const before = engine.allImages.length;
    // Equal files have equal keys in any folder.
    const wide = projectOf(both, keepsCache ? root : files(), engine);
    const planned = await wide.plan();
    const actions = [...planned.plan.steps].map(([id, { action }]) => `${id} ${action}`);
    assert.equal(
      actions.filter((each) => /base|app/.test(each)),
      [
        'base:latest@linux/amd64 reuse',
        'base:latest@linux/arm64 build',
        'app:latest@linux/amd64 reuse',
        'app:latest@linux/arm64 build',
      ],
      `cache kept: ${keepsCache}`,
    );
    await planned.run();
    assert.is(engine.allImages.length, before + 2);
    // And without it again.
    const narrow = await projectOf(['linux/amd64'], root, engine).plan();
    assert.ok([...narrow.plan.steps.values()].every(({ action }) => action === 'reuse'));
  }
});

test('the platform of the build is an argument where the Dockerfile reads it, and in the key', async () => {
  const project = projectOf(both);
  const { plan } = await project.plan();
  const manifest = plan.steps.get('app:latest@linux/arm64')!.manifest!;
  assert.ok(
    manifest.lines.some(
      ([kind, name, value]) => `${kind} ${name} ${value}` === 'image build platform linux/amd64',
    ),
  );
  const base = plan.steps.get('base:latest@linux/arm64')!.manifest!;
  assert.not(base.lines.some(([, name]) => name === 'build platform'));
});

test('only an engine on a machine of another platform is told the platform of the build', async () => {
  const root = files();
  writeFiles(root, {
    'tools/Dockerfile': 'FROM scratch\nARG BUILDARCH=none BUILDPLATFORM\nCOPY t /$BUILDARCH/\n',
  });
  for (const [ownPlatform, expected] of [
    [machinePlatform(), {}],
    ['linux/s390x', platformArgs(machinePlatform())],
  ] as const) {
    const engine = fakeEngine();
    engine.ownPlatform = ownPlatform;
    const project = makeTestProject({ tools: image({ name: 'tools', context: 'tools' }) }, root, engine);
    const running = (await project.plan()).run();
    await settle();
    const { args } = engine.pending[0]!.request;
    const { PLATFORM: BUILDPLATFORM, ARCH: BUILDARCH } = expected as Record<string, string>;
    assert.equal(args, BUILDARCH === undefined ? {} : { BUILDPLATFORM, BUILDARCH });
    engine.pending[0]!.succeed();
    await running;
  }
});

test('RUN for a platform that the engine does not run: blocked with the reason, as is what needs it', async () => {
  const root = files();
  writeFiles(root, {
    'base/Dockerfile': 'FROM scratch\nCOPY made/p /\nRUN ["/p"]\n',
    // Cross-building: its RUN is for the platform of the build.
    'tools/Dockerfile':
      'FROM --platform=$BUILDPLATFORM scratch AS b\nRUN ["/t"]\nFROM scratch\nCOPY --from=b /t /\n',
  });
  const engine = fakeEngine();
  engine.emulated = ['linux/amd64'];
  const project = makeTestProject(definitions(both, both), root, engine);
  const stateOf = async (): Promise<string[]> =>
    [...(await project.plan()).plan.steps.values()]
      .filter(({ task }) => task.platform === 'linux/arm64')
      .map(({ task, action, reasons }) => `${task.name} ${action} ${reasons[0]!.code}`)
      .sort();
  assert.equal(await stateOf(), [
    'app blocked need-blocked',
    'base blocked no-emulator',
    'made skip not-needed',
    'tools build not-built',
  ]);
  engine.emulated = both;
  assert.ok((await stateOf()).every((each) => !each.includes('blocked')));
});

test('a test for a platform that the engine does not run: the plan says so, and asks only if another platform is tested', async () => {
  const root = files();
  writeFiles(root, { 'base/test.sh': '#!/bin/sh\n' });
  chmodSync(path.join(root, 'base/test.sh'), 0o755);
  const engine = fakeEngine();
  engine.autoFinish = true;
  let asked = 0;
  let runs: readonly string[] = ['linux/amd64'];
  engine.platforms = async () => {
    asked++;
    return runs;
  };
  const tested = (platforms: readonly string[]) => {
    const made = command({ name: 'made', run: ['make'], platforms });
    const test = 'base/test.sh';
    const base = image({ name: 'base', context: 'base', platforms, needs: { made }, test });
    const project = makeTestProject({ made, base }, root, engine);
    project.onCommand = async ({ env }) => writeFiles(env.TASKS_OUT!, { p: '1' });
    return project;
  };
  assert.equal((await tested(['linux/amd64']).plan()).untestable, new Map());
  assert.is(asked, 0);
  const planned = await tested(both).plan();
  const notes = [...planned.plan.steps.values()].flatMap(({ task, reasons }) =>
    reasons.filter(({ code }) => code === 'broken-test').map(({ detail }) => `${task.id}: ${detail}`),
  );
  assert.is(notes.length, 1);
  assert.match(notes[0]!, /^base:latest@linux\/arm64: its test needs an emulator for linux\/arm64, /);
  assert.equal([...brokenTests(planned).keys()], ['base:latest@linux/arm64']);
  await planned.run();
  asked = 0;
  const built = await tested(both).plan();
  assert.equal([asked, built.untestable.size], [0, 0], 'nothing is new, and no test runs');
  runs = both;
  assert.equal((await tested(both).plan()).untestable, new Map());
});

test.run();
