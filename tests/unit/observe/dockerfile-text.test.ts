import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { planDocument } from '../../../src/app/plan-document.ts';
import { image } from '../../../src/define/index.ts';
import { type BuildRequest, StepFailed } from '../../../src/model/ports.ts';
import { settle } from '../../support/fake-engine.ts';
import { graphOf } from '../../support/graphs.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('a Dockerfile in a definition');
const text = (version: string): string => `ARG BASE\nFROM $BASE\nCOPY x /${version}\n`;

function project(dockerfile: string | { text: string } | ((version: string) => { text: string })) {
  const root = tempFolder();
  writeFiles(root, {
    'base/Dockerfile': 'FROM scratch\n',
    'app/x': '1',
    'app/unused': '1',
    'app/Dockerfile': text('1'),
  });
  const base = image({ name: 'base', context: 'base' });
  const app = image({ name: 'app', versions: ['1', '2'], context: 'app', dockerfile, needs: { BASE: base } });
  return makeTestProject({ base, app }, root);
}

test('its text has the key of a file with that text', async () => {
  const keys = async (made: ReturnType<typeof project>) => {
    const { plan } = await made.plan();
    return ['app:1', 'app:2'].map((id) => plan.steps.get(id)!.key);
  };
  const [one, two] = await keys(project((version) => ({ text: text(version) })));
  assert.is(one, (await keys(project('app/Dockerfile')))[0]);
  assert.is.not(one, two);
  assert.is(one, (await keys(project({ text: text('1') })))[0]);
  assert.is(one, (await keys(project({ text: `# a comment\n${text('1')}` })))[0], 'comments do not count');
});

test('it is built with the images of needs in it, and has no path in documents', async () => {
  const made = project((version) => ({ text: text(version) }));
  const requests: BuildRequest[] = [];
  const build = made.engine.build.bind(made.engine);
  made.engine.build = async (request, ...rest) => {
    requests.push(request);
    return await build(request, ...rest);
  };
  await made.build();
  const request = requests.find(({ task }) => task === 'app:2')!;
  assert.is(request.dockerfile.name, 'Dockerfile');
  assert.match(
    Buffer.from(request.dockerfile.text).toString(),
    /^ARG BASE\nFROM tasks\.invalid\/base:.*\nCOPY x \/2\n$/,
  );
  assert.equal(
    planDocument(await made.plan()).tasks.map(({ id, dockerfile, action }) => [id, dockerfile, action]),
    [
      ['base:latest', 'base/Dockerfile', 'reuse'],
      ['app:1', null, 'reuse'],
      ['app:2', null, 'reuse'],
    ],
  );
});

test('its errors name the task instead of a file', async () => {
  const made = project({ text: 'FROM scratch\nCOPPY x /\n' });
  await made.plan().then(
    () => assert.unreachable(),
    ({ message }: Error) => {
      assert.match(message, /Dockerfile of app:1:2:1 › app › dockerfile: unknown instruction COPPY/);
    },
  );
  const failing = project({ text: text('1') });
  const { run } = await failing.plan();
  const result = run();
  await settle();
  failing.engine.pending[0]!.succeed();
  await settle();
  failing.engine.pending.at(-1)!.fail(new StepFailed('no', { lines: { line: 3, endLine: 3 } }));
  failing.engine.pending.at(-2)!.succeed();
  await result;
  const failed = failing.events.filter(
    (event) => event.type === 'task-finished' && event.outcome === 'failed',
  );
  assert.is(failed.length, 1);
  assert.not.ok('file' in failed[0]!);
});

test('an empty text and other objects are errors', () => {
  const made = (dockerfile: unknown) => () =>
    graphOf({ app: image({ name: 'app', context: 'a', dockerfile: dockerfile as string }) });
  for (const wrong of [{ text: '' }, { txt: 'FROM x' }, '/abs', '../up', 3])
    assert.throws(made(wrong), /app › dockerfile.*: wrong value/);
});

test.run();
