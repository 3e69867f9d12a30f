import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dialerOfBuilder, parseBuilder } from '../../../src/engine/builder-address.ts';
import { TasksError } from '../../../src/model/errors.ts';

const test = suite('addresses of builders');

test('addresses of buildkitd, and names of buildx builders', () => {
  const parse = (text: string) => parseBuilder(text, 'TASKS_BUILDER');
  assert.equal(parse('tcp://build.example:9000'), { kind: 'tcp', host: 'build.example', port: 9000 });
  assert.equal(parse('tcp://[::1]'), { kind: 'tcp', host: '::1', port: 1234 });
  assert.equal(parse('unix:///run/buildkit/buildkitd.sock'), {
    kind: 'unix',
    path: '/run/buildkit/buildkitd.sock',
  });
  assert.equal(parse('ci_node-1.x'), { kind: 'buildx', name: 'ci_node-1.x' });
});

test('anything else is an error with what is expected', () => {
  for (const text of ['', '1x', '-x', 'a b', 'unix://relative', 'tcp://', 'tcp://h:x', 'https://h', 'a/b'])
    assert.throws(
      () => parseBuilder(text, 'TASKS_BUILDER'),
      (error: unknown) =>
        error instanceof TasksError &&
        error.exitCode === 2 &&
        error.message === `TASKS_BUILDER is not a builder: "${text}"`,
      text,
    );
});

test("a builder of buildx is dialed by docker's client or TASKS_DOCKER, and builds share its connections", async () => {
  const address = { kind: 'buildx', name: 'ci', platform: 'linux/arm64' } as const;
  const { open, link } = dialerOfBuilder(address, { PATH: process.env.PATH, TASKS_DOCKER: '/bin/echo' });
  assert.is(link, 'program');
  const transport = await open('direct');
  let text = '';
  for await (const chunk of transport) text += chunk;
  assert.is(text, 'buildx dial-stdio --builder ci --platform linux/arm64\n');
});

test.run();
