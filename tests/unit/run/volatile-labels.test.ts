import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image, project } from '../../../src/define/index.ts';
import { DefinitionError } from '../../../src/model/errors.ts';
import { reproduce } from '../../../src/run/reproduce.ts';
import { graphOf } from '../../support/graphs.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject } from '../../support/test-project.ts';

const test = suite('volatile labels');

function rig() {
  const root = tempFolder();
  writeFiles(root, { 'a/Dockerfile': 'FROM scratch\nCOPY x /\n', 'a/x': '1' });
  const made = makeTestProject({}, root);
  const define = (revision: string): void => {
    const app = image({
      name: 'app',
      context: 'a',
      labels: { team: 'db' },
      volatileLabels: { revision, both: 'image' },
    });
    const settings = project({ volatileLabels: { created: revision, both: 'project', team: 'other' } });
    const where = { file: 'tasks/images.ts', name: 'app' };
    made.declarations = {
      definitions: [{ definition: app, where }],
      projects: [{ project: settings, where }],
    };
  };
  const labels = (): Record<string, string> => {
    const { labels } = made.engine.allImages.at(-1)!;
    return Object.fromEntries(Object.entries(labels).filter(([name]) => !name.startsWith('image-tasks.')));
  };
  const steps = async () => (await made.plan()).plan.steps.get('app:latest')!;
  return { ...made, made, define, labels, root, step: steps };
}

test('they are set on what is built, with those of the project, and are in no key', async () => {
  const { made, define, labels, step, root } = rig();
  define('one');
  await made.build();
  assert.equal(labels(), { created: 'one', both: 'image', team: 'db', revision: 'one' });
  const before = await step();
  define('two');
  const after = await step();
  assert.equal([after.action, after.key], ['reuse', before.key]);
  assert.not.match(JSON.stringify(after.manifest), /revision|created/);
  writeFiles(root, { 'a/x': '2' });
  await made.build();
  assert.is(labels().revision, 'two');
});

test('a rebuild for comparison uses the labels that the image has', async () => {
  const { made, define } = rig();
  define('one');
  await made.build();
  define('two');
  const { plan, observations, services } = await made.plan();
  const asked: unknown[] = [];
  const build = made.engine.build.bind(made.engine);
  made.engine.build = async (request, ...rest) => {
    asked.push(request.labels.revision, request.labels.created);
    return await build(request, ...rest);
  };
  const verdicts = [];
  for await (const { verdict } of reproduce(
    [...plan.steps.values()],
    plan,
    observations,
    services,
    new AbortController().signal,
  ))
    verdicts.push(verdict);
  assert.equal([asked, verdicts], [['one', 'one'], ['same']]);
});

test('a label in labels and volatileLabels is an error', () => {
  const app = image({ name: 'app', context: 'a', labels: { x: '1' }, volatileLabels: { x: '2' } });
  assert.throws(
    () => graphOf({ app }),
    (error: unknown) =>
      error instanceof DefinitionError && /volatileLabels: x is also in labels/.test(error.message),
  );
});

test.run();
