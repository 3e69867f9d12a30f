import { writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { unary } from '../../../src/buildkit/grpc/call.ts';
import { Services } from '../../../src/buildkit/methods.ts';
import type { TasksError } from '../../../src/model/errors.ts';
import { type BuildRequest, StepFailed } from '../../../src/model/ports.ts';
import {
  builderTest,
  buildRequest,
  closeBuilders,
  errorOf,
  readFolder,
  readPartly,
  sentDockerfile,
  succeed,
  textsOf,
} from '../../support/builder.ts';
import type { FakeBuild } from '../../support/fake-buildkit.ts';
import { settle } from '../../support/fake-engine.ts';
import { silentEngine } from '../../support/stub-engine.ts';

const test = suite('builds that share a context');
/** Together just large enough to be sent once for several builds. */
const large = 'x'.repeat((1 << 20) - 1);
const files = { a: large, b: 'b' };
const otherText = 'FROM scratch\nCOPY . /other\n';

test.after.each(closeBuilders);

const sessionOf = ({ request }: FakeBuild): string => request.Session;

test('builds of the same large context at the same time have one session, each with its own Dockerfile', async () => {
  const tested = await builderTest();
  const one = await tested.begin(buildRequest(files));
  const two = await tested.begin(buildRequest(files, { text: otherText }));
  assert.is(sessionOf(one.build), sessionOf(two.build));
  // One for each build, one for the session, and the one by which the session was opened.
  assert.is(tested.engine.connections.size, 4);
  assert.equal(textsOf(await readFolder(two.build.session, 'context')), files);
  assert.is(await sentDockerfile(one.build), 'FROM scratch\nCOPY . /\n');
  assert.is(await sentDockerfile(two.build), otherText);
  await succeed(one.build);
  await one.result;
  assert.is(tested.engine.openSessions(), 1);
  await succeed(two.build);
  await two.result;
  await tested.idle();
  assert.is(tested.engine.openSessions(), 0);
});

test('equal Dockerfiles with different names are both there', async () => {
  const tested = await builderTest();
  const named = (name: string): BuildRequest => {
    const request = buildRequest(files);
    return { ...request, dockerfile: { ...request.dockerfile, name } };
  };
  const builds = [await tested.begin(named('Dockerfile')), await tested.begin(named('app.Dockerfile'))];
  assert.is(sessionOf(builds[0]!.build), sessionOf(builds[1]!.build));
  for (const { build } of builds) assert.is(await sentDockerfile(build), 'FROM scratch\nCOPY . /\n');
});

test('small contexts, other contexts, and builds with secrets or exports have sessions of their own', async () => {
  const tested = await builderTest({ environment: { TOKEN: 'hunter2' } });
  const requests = [
    buildRequest({ a: large }),
    buildRequest({ a: large }),
    buildRequest(files),
    buildRequest({ ...files, b: 'other' }),
    buildRequest(files, { secrets: { one: { env: 'TOKEN' } } }),
    buildRequest(files, { exportTo: '/nowhere' }),
  ];
  const sessions = new Set<string>();
  for (const request of requests) {
    const { build } = await tested.begin(request);
    sessions.add(sessionOf(build));
    const methods = build.session.headers.get('x-docker-expose-session-grpc-method')!;
    assert.is(methods.includes(Services.getSecret.path), 'one' in request.secrets);
    assert.is(methods.includes(Services.writeFiles.path), request.exportTo !== undefined);
  }
  assert.is(sessions.size, requests.length);
});

test('a login is given in a shared session, too', async () => {
  const tested = await builderTest({ login: async (host) => ({ username: host, password: 'p' }) });
  const { build } = await tested.begin(buildRequest(files));
  assert.is((await unary(build.session.http2, Services.credentials, { Host: 'h' })).Username, 'h');
});

test('a shared session has the logins of the registries that its builds name', async () => {
  const tested = await builderTest({ login: async (host) => ({ username: host, password: 'p' }) });
  const one = await tested.begin(buildRequest(files, { registries: ['one.example'] }));
  const userAt = async (Host: string): Promise<string> =>
    (await unary(one.build.session.http2, Services.credentials, { Host })).Username;
  assert.equal([await userAt('one.example'), await userAt('two.example')], ['one.example', '']);
  const two = await tested.begin(buildRequest(files, { text: otherText, registries: ['two.example'] }));
  assert.is(sessionOf(one.build), sessionOf(two.build));
  assert.equal([await userAt('one.example'), await userAt('two.example')], ['one.example', 'two.example']);
});

test('a build after the last one that shared a session has another one', async () => {
  const tested = await builderTest();
  const one = await tested.begin(buildRequest(files));
  await succeed(one.build);
  await one.result;
  const two = await tested.begin(buildRequest(files));
  assert.is.not(sessionOf(one.build), sessionOf(two.build));
  assert.equal(textsOf(await readFolder(two.build.session, 'context')), files);
});

test('if the build that sends the context is canceled, the one that waits for it takes over', async () => {
  const tested = await builderTest();
  const controller = new AbortController();
  const one = await tested.begin(buildRequest(files), controller.signal);
  const two = await tested.begin(buildRequest(files, { text: otherText }));
  const transfer = await readPartly(one.build.session, 'context');
  controller.abort(new Error('stop'));
  assert.is((await errorOf(one.result)).message, 'stop');
  assert.is(await one.build.cancelled, 'reset');
  transfer.cancel();
  assert.equal(textsOf(await readFolder(two.build.session, 'context')), files);
  await succeed(two.build);
  await two.result;
  await tested.idle();
});

test('if the build that sends the context fails, the one that waits for it takes over', async () => {
  const tested = await builderTest();
  const one = await tested.begin(buildRequest(files));
  const two = await tested.begin(buildRequest(files, { text: otherText }));
  const transfer = await readPartly(one.build.session, 'context');
  one.build.endStatus();
  one.build.fail('failed to solve: exit code: 1');
  transfer.cancel();
  assert.is((await errorOf(one.result)).message, 'exit code: 1');
  assert.equal(textsOf(await readFolder(two.build.session, 'context')), files);
  await succeed(two.build);
  await two.result;
  await tested.idle();
});

test('a spoiled context fails the builds that it was sent for with our words; other failures keep theirs', async () => {
  const tested = await builderTest();
  const request = buildRequest(files);
  const builds = [
    await tested.begin(request),
    await tested.begin({ ...request, target: 'x' }),
    await tested.begin({ ...request, target: 'y' }),
  ];
  const [a, b] = request.context.map(({ source }) => source);
  const spoiled: string[] = [];
  for (const source of [a!, b!]) {
    const before = source === a ? large : 'b';
    writeFileSync(source, 'y'.repeat(before.length));
    spoiled.push((await errorOf(readFolder(builds[0]!.build.session, 'context'))).message);
    writeFileSync(source, before);
  }
  for (const [index, message] of [...spoiled, 'exit code: 1'].entries()) {
    builds[index]!.build.endStatus();
    builds[index]!.build.fail(`failed to solve: rpc error: code = Unknown desc = ${message}`);
  }
  const errors = await Promise.all(builds.map(({ result }) => errorOf(result)));
  for (const error of errors) assert.instance(error, StepFailed);
  assert.equal(
    errors.map(({ message }) => message),
    [
      `${a} changed while the task was running; run again`,
      `${b} changed while the task was running; run again`,
      'exit code: 1',
    ],
  );
});

test('a session that the engine ended is lost for its builds; the next build opens another one', async () => {
  const tested = await builderTest();
  const one = await tested.begin(buildRequest(files));
  one.build.session.drop();
  await settle();
  const two = await tested.begin(buildRequest(files));
  assert.is.not(sessionOf(one.build), sessionOf(two.build));
  const error = (await errorOf(one.result)) as TasksError;
  assert.is(error.exitCode, 3);
  assert.match(error.message, 'the engine ended the session of the build');
  assert.equal(textsOf(await readFolder(two.build.session, 'context')), files);
  await succeed(two.build);
  await two.result;
  await tested.idle();
});

test('a build that waits for a connection to an engine that hangs ends at once when it is canceled', async () => {
  const engine = await silentEngine();
  const tested = await builderTest({ socket: engine.env.DOCKER_HOST.replace('unix://', '') });
  const controller = new AbortController();
  const { result } = tested.start(buildRequest(files), controller.signal);
  while (engine.sockets.size === 0) await new Promise(setImmediate);
  controller.abort(new Error('stop'));
  const waiting = settle().then(() => new Error('it still waits'));
  assert.is((await Promise.race([errorOf(result), waiting])).message, 'stop');
  engine.close();
});

test('if one of several builds that wait for a session is canceled, the others get it', async () => {
  const tested = await builderTest();
  const controller = new AbortController();
  const one = tested.start(buildRequest(files), controller.signal);
  const two = tested.start(buildRequest(files));
  controller.abort(new Error('stop'));
  assert.is((await errorOf(one.result)).message, 'stop');
  const build = await tested.engine.build();
  assert.equal(textsOf(await readFolder(build.session, 'context')), files);
  await succeed(build);
  await two.result;
  await tested.idle();
});

test.run();
