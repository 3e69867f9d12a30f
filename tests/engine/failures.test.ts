// Failures of each kind, provoked on an engine: what their events say.
import { chmodSync, copyFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../src/engine/api.ts';
import { dockerEngine } from '../../src/engine/docker.ts';
import type { RunEvent, TaskFailure } from '../../src/model/events.ts';
import { type BuildRequest, StepFailed } from '../../src/model/ports.ts';
import { buildRequest } from '../support/builder.ts';
import { busybox } from '../support/busybox.ts';
import { makeProject, runCli } from '../support/cli.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { createPrivateEngine, privateEngineUnavailable } from '../support/private-engine.ts';
import { hasRegistry, type RealRegistry, startRegistry } from '../support/registry.ts';

const test = suite('failures with docker');
const label = 'image-tasks.failures-test';
let api: EngineApi;
const registries: RealRegistry[] = [];

test.before(async () => {
  api = await connectTestEngine();
});
test.after(async () => {
  await removeImages(api, label);
  for (const registry of registries) await registry.stop();
});

const base = 'FROM scratch\nCOPY bin /bin\n';
const contextFiles = { 'src/app.js': '', 'data.txt': 'text\n', 'bad.sh*': '#!/nope/sh\n' };

/** Builds an image of each Dockerfile and tests it. Returns the failures by name. */
async function failuresOf(
  dockerfiles: Readonly<Record<string, string>>,
  more: { readonly fields?: string; readonly files?: Readonly<Record<string, string>> } = {},
): Promise<Record<string, TaskFailure>> {
  const names = Object.keys(dockerfiles);
  const images = names.map(
    (name) =>
      `export const ${name} = image({ name: '${name}', context: '${name}', labels: { '${label}': '1' }, ${more.fields ?? ''} });`,
  );
  const files = Object.entries(dockerfiles).flatMap(([name, text]) => [
    [`${name}/Dockerfile`, text],
    ...Object.entries(contextFiles).map(([file, content]) => [`${name}/${file}`, content]),
    [`${name}/bin/`, ''],
  ]);
  const root = makeProject(["import { image } from 'image-tasks';", ...images].join('\n'), {
    ...(Object.fromEntries(files) as Record<string, string>),
    ...more.files,
  });
  for (const name of names)
    for (const program of ['sh', 'true', 'sleep', 'wget']) {
      copyFileSync(busybox(), path.join(root, name, 'bin', program));
      chmodSync(path.join(root, name, 'bin', program), 0o755);
    }
  const { out, err } = await runCli(['test', '--json', '--keep-going', '-j4'], { cwd: root });
  const events = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as RunEvent);
  const failures = events.flatMap((event) =>
    event.type === 'task-finished' && event.outcome === 'failed'
      ? [[event.id.split(':')[0]!, event.error!] as const]
      : [],
  );
  assert.is(failures.length, names.length, err);
  return Object.fromEntries(failures);
}

/** Returns what a failure says of the Dockerfile. */
function placeOf({ cause, instruction, file, line, endLine, exitCode }: TaskFailure): unknown[] {
  return [cause, instruction, file, line, endLine, exitCode];
}

test('a missing source: its line, and the name that is probably meant', async () => {
  // Whether a pattern may match nothing, and what a stage has, only the engine knows.
  const failures = await failuresOf({
    pattern: `${base}ADD srv/*.js /\n`,
    stage: 'FROM scratch AS a\nCOPY data.txt /\nFROM scratch\nCOPY --from=a /srv /\n',
  });
  assert.equal(placeOf(failures.pattern!), ['missing-file', 'ADD', 'pattern/Dockerfile', 3, 3, undefined]);
  assert.match(failures.pattern!.message, /did you mean src\?$/);
  assert.equal(placeOf(failures.stage!), ['missing-file', 'COPY', 'stage/Dockerfile', 4, 4, undefined]);
  assert.not.match(failures.stage!.message, /did you mean/);
});

test('a missing source that a plan would have named: its line', async () => {
  const factsOf = async (instruction: string): Promise<unknown[]> => {
    const text = `FROM scratch\nCOPY a /\n${instruction}\n`;
    const request = buildRequest({ a: 'a' }, { text, labels: { [label]: '1' } });
    const { facts } = await failureOf(process.env as Record<string, string>, request);
    return [facts.cause, facts.instruction, facts.lines?.line, facts.missingPath];
  };
  assert.equal(await factsOf('COPY srv/app.js /'), ['missing-file', 'COPY', 3, 'srv/app.js']);
  const mount = 'RUN --mount=type=bind,source=srv,target=/m true';
  assert.equal(await factsOf(mount), ['missing-file', 'RUN', 3, 'srv']);
});

test('a program that fails, or cannot be started: its exit code, its last lines, and their streams', async () => {
  const failures = await failuresOf({
    fails: `${base}RUN echo out && echo err >&2 && exit 7\n`,
    unknown: `${base}RUN nope-program\n`,
    data: `${base}COPY data.txt /\nRUN /data.txt\n`,
    script: `${base}COPY bad.sh /\nRUN /bad.sh\n`,
    direct: `${base}RUN ["/nope"]\n`,
    interpreter: `${base}COPY bad.sh /\nRUN ["/bad.sh"]\n`,
    shell: 'FROM scratch\nCOPY data.txt /\nRUN true\n',
    killed: `${base}RUN sh -c 'kill -9 $$'; exit $?\n`,
  });
  const fails = failures.fails!;
  assert.equal(placeOf(fails), [undefined, 'RUN', 'fails/Dockerfile', 3, 3, 7]);
  assert.equal([[...fails.lines!].sort(), fails.stderr], [['err', 'out'], ['err']]);
  const found = ['unknown', 'data', 'script', 'direct', 'interpreter', 'shell', 'killed'].map((name) => {
    const { cause, line, exitCode } = failures[name]!;
    return [name, cause, line, exitCode];
  });
  assert.equal(found, [
    ['unknown', 'not-executable', 3, 127],
    ['data', 'not-executable', 4, 126],
    ['script', 'not-executable', 4, 127],
    ['direct', 'not-executable', 3, 1],
    ['interpreter', 'not-executable', 4, 1],
    ['shell', 'not-executable', 3, 1],
    // Nothing says that memory ran out.
    ['killed', undefined, 3, 137],
  ]);
});

test('an instruction over several lines: its first and last line', async () => {
  const failures = await failuresOf({
    lines: `${base}# a\nRUN true && \\\n  # b\n  true && \\\n\n  exit 4\nRUN true\n`,
    inner: `FROM scratch AS a\nCOPY bin /bin\nRUN true\nFROM a AS b\nRUN true \\\n  && exit 5\n`,
  });
  assert.equal(placeOf(failures.lines!), [undefined, 'RUN', 'lines/Dockerfile', 4, 8, 4]);
  assert.equal(placeOf(failures.inner!), [undefined, 'RUN', 'inner/Dockerfile', 5, 6, 5]);
});

test('a heredoc: the lines of the whole instruction', async () => {
  const { namedContexts } = await engineOf(process.env as Record<string, string>).abilities();
  if (!namedContexts) return;
  const { heredoc, two } = await failuresOf({
    heredoc: `${base}RUN <<EOF\necho one\nexit 3\nEOF\nRUN true\n`,
    two: `${base}COPY <<A <<B /d/\na\nA\nb\nB\nRUN <<-X\n\techo RUN\n\texit 3\n\tX\n`,
  });
  assert.equal(placeOf(heredoc!), [undefined, 'RUN', 'heredoc/Dockerfile', 3, 6, 3]);
  assert.equal(placeOf(two!), [undefined, 'RUN', 'two/Dockerfile', 8, 11, 3]);
});

test('the network, a registry, and its login are told apart', async () => {
  const failures = await failuresOf({
    registry: 'FROM 127.0.0.1:1/x:1\n',
    origin: `${base}COPY --from=127.0.0.1:1/x:1 /a /b\n`,
    download: `${base}ADD http://127.0.0.1:1/x /x\n`,
    program: `${base}RUN wget http://nope.invalid/x\n`,
    own: `${base}RUN wget http://127.0.0.1:1/x\n`,
  });
  const causes = Object.entries(failures).map(([name, { cause }]) => [name, cause]);
  assert.equal(Object.fromEntries(causes), {
    registry: 'network',
    origin: 'network',
    download: 'network',
    program: 'network',
    own: undefined,
  });
});

if (hasRegistry)
  test('an image that a registry does not have, and one that needs a login', async () => {
    const [open, closed] = [await startRegistry(), await startRegistry({ auth: true })];
    registries.push(open, closed);
    const { missing, login } = await failuresOf({
      missing: `FROM ${open.host}/x:1\n`,
      login: `FROM ${closed.host}/x:1\n`,
    });
    assert.equal([missing!.cause, login!.cause], ['registry', 'credentials'], login!.message);
  });
else test.skip('an image that a registry does not have (skipped: docker-registry is not installed)');

test('a step that takes too long', async () => {
  const { slow } = await failuresOf(
    { slow: `${base}RUN echo connection refused && sleep 600\n` },
    { fields: "timeout: '1s'" },
  );
  assert.is(slow!.cause, 'timeout');
});

test('a test that fails, cannot be started, or takes too long', async () => {
  const failing = { failing: base };
  const testWith = async (script: string, more = ''): Promise<TaskFailure> =>
    (await failuresOf(failing, { fields: `test: 'test.sh', ${more}`, files: { 'test.sh*': script } }))
      .failing!;
  const failed = await testWith('#!/bin/sh\necho out\necho err >&2\nexit 3\n');
  assert.equal([failed.cause, failed.exitCode, failed.stderr], [undefined, 3, ['err']]);
  assert.is((await testWith('#!/nope/sh\n')).cause, 'not-executable');
  assert.is((await testWith('#!/bin/sh\r\n')).cause, 'not-executable');
  assert.is((await testWith('#!/bin/sh\nsleep 600\n', "timeout: '1s'")).cause, 'timeout');
});

const engineOf = (env: Readonly<Record<string, string>>) =>
  dockerEngine(env, { signal: new AbortController().signal });

/** Builds without a plan, which would reject a wrong Dockerfile. */
async function failureOf(env: Readonly<Record<string, string>>, request: BuildRequest): Promise<StepFailed> {
  const progress = { step: () => undefined, line: () => undefined };
  const error: unknown = await engineOf(env)
    .build(request, progress, new AbortController().signal)
    .catch((thrown: unknown) => thrown);
  assert.instance(error, StepFailed, String(error));
  return error as StepFailed;
}

test('a wrong Dockerfile: its line and its keyword', async () => {
  const factsOf = async (text: string): Promise<unknown[]> => {
    const request = buildRequest({ a: 'a' }, { text, labels: { [label]: '1' } });
    const { cause, lines, instruction } = (await failureOf(process.env as Record<string, string>, request))
      .facts;
    return [cause, lines?.line, instruction];
  };
  assert.equal(await factsOf('FROM scratch\n\nRUNN true\n'), ['unknown-instruction', 3, 'RUNN']);
  assert.equal(await factsOf('FROM scratch\nRUN --nope=1 true\n'), ['syntax', 2, 'RUN']);
  assert.equal(await factsOf('FROM scratch\nCOPY a\n'), ['syntax', 2, 'COPY']);
  assert.is((await factsOf('FROM scratch\nEXPOSE a/b/c\n'))[0], 'syntax');
  assert.is((await factsOf('FROM scratch\nCOPY a /\nENV A="b\n'))[0], 'syntax');
});

if (privateEngineUnavailable !== undefined)
  test.skip(`the disk of the engine is full (skipped: ${privateEngineUnavailable})`);
else
  test('the disk of the engine is full', async () => {
    const engine = createPrivateEngine({ diskSize: '16m' });
    try {
      await engine.start();
      const request = buildRequest({ big: 'x'.repeat(30_000_000) });
      assert.is((await failureOf(engine.env, request)).facts.cause, 'disk-full');
    } finally {
      await engine.close();
    }
  });

test.run();
