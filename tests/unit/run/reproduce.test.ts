import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image } from '../../../src/define/index.ts';
import type { ObservedImage } from '../../../src/model/observed.ts';
import { StepFailed } from '../../../src/model/ports.ts';
import { findImageEvidence } from '../../../src/run/evidence.ts';
import { reproduce } from '../../../src/run/reproduce.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('audit');
const nothing = { ran: [], differing: [], evidence: [] };

test('an image that BuildKit makes otherwise is told with the step that ran; nothing is tagged or recorded', async () => {
  const root = tempFolder();
  writeFiles(root, {
    'a/Dockerfile': 'FROM scratch\n',
    'b/Dockerfile': 'ARG A\nFROM $A\n',
    'c/Dockerfile': 'FROM scratch\n',
  });
  const a = image({ name: 'a', context: 'a' });
  const b = image({ name: 'b', context: 'b', needs: { A: a } });
  const files = command({ name: 'files', run: ['true'] });
  const c = image({ name: 'c', context: 'c', needs: { files } });
  const rig = makeTestProject({ a, b, files, c }, root);
  await rig.build();
  const { plan, services } = await rig.plan();
  const before = rig.engine.allImages.map(({ id, tags }) => [id, tags]);
  const build = rig.engine.build.bind(rig.engine);
  rig.engine.build = async (request, progress, signal) => {
    if (request.task === 'b:latest') return { imageId: 'sha256:other', bytes: 1, ran: ['[2/2] RUN date'] };
    if (request.task === 'c:latest') throw new StepFailed('no');
    return await build(request, progress, signal);
  };
  const steps = [...plan.steps.values()].filter(({ task }) => task.kind === 'image');
  const seen = [];
  const { observations } = await rig.plan();
  for await (const each of reproduce(steps, plan, observations, services, new AbortController().signal))
    seen.push(each);
  assert.equal(seen, [
    { ...nothing, id: 'a:latest', verdict: 'same' },
    { ...nothing, id: 'b:latest', verdict: 'other', ran: ['[2/2] RUN date'] },
    { ...nothing, id: 'c:latest', verdict: 'failed', message: 'no' },
  ]);
  assert.equal(
    rig.engine.allImages.map(({ id, tags }) => [id, tags]),
    before,
  );
});

test('commands are run again: what differs is told from what is never the same, and nothing is kept', async () => {
  const root = tempFolder();
  writeFiles(root, { 'c/Dockerfile': 'FROM scratch\nCOPY x /out\n', 'c/x': '' });
  const same = command({ name: 'same', run: ['same'] });
  const moved = command({ name: 'moved', run: ['moved'] });
  const mixed = command({ name: 'mixed', run: ['mixed'] });
  const always = command({ name: 'always', run: ['always'] });
  const exported = image({ name: 'exported', context: 'c', output: 'files' });
  const rig = makeTestProject({ same, moved, mixed, always, exported }, root);
  let [outside, serial] = ['one', 0];
  rig.onCommand = async ({ argv, env }) => {
    const [name] = argv;
    const texts = {
      same: ['-', '-'],
      moved: [outside, '-'],
      mixed: [outside, serial],
      always: ['-', serial],
    };
    const [x, y] = texts[name as keyof typeof texts];
    serial++;
    writeFiles(env.TASKS_OUT!, { x: `${x}`, 'd/y': `${y}` });
  };
  await rig.build();
  outside = 'two';
  const { plan, services, observations } = await rig.plan();
  const seen = [];
  for await (const each of reproduce(
    [...plan.steps.values()],
    plan,
    observations,
    services,
    new AbortController().signal,
  ))
    seen.push([each.id, each.verdict, each.differing]);
  assert.equal(seen, [
    ['same:latest', 'same', []],
    ['moved:latest', 'other', ['x']],
    ['mixed:latest', 'other', ['x']],
    ['always:latest', 'unsteady', ['d/y']],
    ['exported:latest', 'same', []],
  ]);
  const after = await rig.plan();
  assert.ok([...after.plan.steps.values()].every(({ action }) => action === 'reuse'));
});

test('the first step that ran points at what from outside may have changed', () => {
  const observed = {
    impure: ['line 1: debian:12 is not pinned by digest', 'line 3: http://x/a has no checksum'],
    unpinnedFetches: [{ line: 4, what: 'package without version', text: 'curl jq' }],
  } as unknown as ObservedImage;
  const evidence = (...ran: string[]): string[] => findImageEvidence(ran, observed);
  const base = 'line 1: debian:12 is not pinned by digest: it may be another image now';
  const download = 'line 3: http://x/a has no checksum: it may give something else now';
  assert.equal(evidence(), [base, download]);
  assert.equal(evidence('[2/5] RUN true', '[3/5] ADD http://x/a /'), [base]);
  assert.equal(evidence('[build 3/5] ADD http://x/a /'), [download]);
  assert.equal(evidence('[4/5] RUN apt-get install curl jq'), ['line 4: package without version: curl jq']);
  assert.equal(evidence('[5/5] COPY a /'), []);
});

test.run();
