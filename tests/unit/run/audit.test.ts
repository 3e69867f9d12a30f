import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, image } from '../../../src/define/index.ts';
import { StepFailed } from '../../../src/model/ports.ts';
import { audit } from '../../../src/run/audit.ts';
import { makeRig } from '../../support/rig.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('audit');

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
  const rig = makeRig({ a, b, files, c }, root);
  await rig.build();
  const { plan, services } = await rig.plan();
  const before = rig.engine.all.map(({ id, tags }) => [id, tags]);
  const build = rig.engine.build.bind(rig.engine);
  rig.engine.build = async (request, progress, signal) => {
    if (request.task === 'b:latest') return { imageId: 'sha256:other', bytes: 1, ran: ['[2/2] RUN date'] };
    if (request.task === 'c:latest') throw new StepFailed('no');
    return await build(request, progress, signal);
  };
  const steps = [...plan.steps.values()].filter(({ task }) => task.kind === 'image');
  const seen = [];
  const { observations } = await rig.plan();
  for await (const each of audit(steps, plan, observations, services, new AbortController().signal))
    seen.push(each);
  assert.equal(seen, [
    { id: 'a:latest', verdict: 'same', ran: [] },
    { id: 'b:latest', verdict: 'other', ran: ['[2/2] RUN date'] },
    { id: 'c:latest', verdict: 'failed', ran: [], message: 'no' },
  ]);
  assert.equal(
    rig.engine.all.map(({ id, tags }) => [id, tags]),
    before,
  );
});

test.run();
