import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image } from '../../../src/define/index.ts';
import type { ObservedImage } from '../../../src/model/observed.ts';
import { StepFailed } from '../../../src/model/ports.ts';
import { findImageEvidence } from '../../../src/run/evidence.ts';
import { reproduce } from '../../../src/run/reproduce.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('reproduce');
const base = { ran: [], differing: [], evidence: [] };

test('a different image is reported with the first step that ran; no tags change', async () => {
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
  const project = makeTestProject({ a, b, files, c }, root);
  await project.build();
  const { plan, services } = await project.plan();
  const before = project.engine.allImages.map(({ id, tags }) => [id, tags]);
  const build = project.engine.build.bind(project.engine);
  project.engine.build = async (request, progress, signal) => {
    if (request.task === 'b:latest') return { imageId: 'sha256:other', bytes: 1, ran: ['[2/2] RUN date'] };
    if (request.task === 'c:latest') throw new StepFailed('no');
    return await build(request, progress, signal);
  };
  const steps = [...plan.steps.values()].filter(({ task }) => task.kind === 'image');
  const results = [];
  const { observations } = await project.plan();
  for await (const result of reproduce(steps, plan, observations, services, new AbortController().signal))
    results.push(result);
  assert.equal(results, [
    { ...base, id: 'a:latest', verdict: 'same' },
    { ...base, id: 'b:latest', verdict: 'other', ran: ['[2/2] RUN date'] },
    { ...base, id: 'c:latest', verdict: 'failed', message: 'no' },
  ]);
  assert.equal(
    project.engine.allImages.map(({ id, tags }) => [id, tags]),
    before,
  );
});

test('commands run again; files that differ each time are ignored, and no results are stored', async () => {
  const root = tempFolder();
  writeFiles(root, { 'c/Dockerfile': 'FROM scratch\nCOPY x /out\n', 'c/x': '' });
  const same = command({ name: 'same', run: ['same'] });
  const moved = command({ name: 'moved', run: ['moved'] });
  const mixed = command({ name: 'mixed', run: ['mixed'] });
  const always = command({ name: 'always', run: ['always'] });
  const exported = image({ name: 'exported', context: 'c', output: 'files' });
  const project = makeTestProject({ same, moved, mixed, always, exported }, root);
  let [outside, serial] = ['one', 0];
  project.onCommand = async ({ argv, env }) => {
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
  await project.build();
  outside = 'two';
  const { plan, services, observations } = await project.plan();
  const results = [];
  for await (const result of reproduce(
    [...plan.steps.values()],
    plan,
    observations,
    services,
    new AbortController().signal,
  ))
    results.push([result.id, result.verdict, result.differing]);
  assert.equal(results, [
    ['same:latest', 'same', []],
    ['moved:latest', 'other', ['x']],
    ['mixed:latest', 'other', ['x']],
    ['always:latest', 'unsteady', ['d/y']],
    ['exported:latest', 'same', []],
  ]);
  const after = await project.plan();
  assert.ok([...after.plan.steps.values()].every(({ action }) => action === 'reuse'));
});

test('the first step that ran points to the external input that may have changed', () => {
  const observed = {
    impure: [
      { kind: 'image', source: 'debian:12', detail: 'line 1: debian:12 is not pinned by digest' },
      { kind: 'download', source: 'http://x/a', detail: 'line 3: http://x/a has no checksum' },
    ],
    unpinnedFetches: [{ line: 4, what: 'package without version', text: 'curl jq' }],
  } as unknown as ObservedImage;
  const evidence = (...ran: string[]): string[] => findImageEvidence(ran, observed);
  const baseImage = 'line 1: debian:12 is not pinned by digest: the image may have changed';
  const download = 'line 3: http://x/a has no checksum: the download may have changed';
  assert.equal(evidence(), [baseImage, download]);
  assert.equal(evidence('[2/5] RUN true', '[3/5] ADD http://x/a /'), [baseImage]);
  assert.equal(evidence('[build 3/5] ADD http://x/a /'), [download]);
  assert.equal(evidence('[4/5] RUN apt-get install curl jq'), ['line 4: package without version: curl jq']);
  assert.equal(evidence('[5/5] COPY a /'), []);
});

test.run();
