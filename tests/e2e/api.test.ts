// The Node API as its users get it: the built module, by its name.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type * as Api from '../../src/app/api.ts';
import { makeProject, runCli } from '../support/cli.ts';
import { tempFolder } from '../support/temp.ts';

const test = suite('the Node API');
const api = (await import(pathToFileURL(path.resolve('dist/api.mjs')).href)) as typeof Api;
const env = { PATH: process.env.PATH, HOME: tempFolder() };

const definitions = `import { command, profile } from 'image-tasks';
export const one = command({ name: 'one', run: ['sh', '-c', 'cat in > $TASKS_OUT/out; echo ' + profile + ' >> $TASKS_OUT/out'], inputs: ['in'] });
export const two = command({ name: 'two', needs: { ONE: one }, run: ['sh', '-c', 'cat $TASKS_NEED_ONE/out'] });`;

/** The content of a file that a command left. */
async function outputOf(project: Api.Project, id: string): Promise<string> {
  const { tasks } = await api.plan(project, { selectors: [id] });
  const { key } = tasks.find((task) => task.id === id)!;
  return readFileSync(path.join(project.root, '.cache/files', key, 'out'), 'utf8');
}

test('plans and builds, with the documents and events that --json prints', async () => {
  const root = makeProject(definitions, { in: 'a\n' });
  const project = await api.open({ directory: root, env });
  assert.equal(
    project.tasks.map(({ id, kind, publish }) => [id, kind, publish]),
    [
      ['one:latest', 'command', false],
      ['two:latest', 'command', false],
    ],
  );
  const planned = await api.plan(project);
  assert.equal(planned, JSON.parse((await runCli(['plan', '--json'], { cwd: root })).out));
  const types: string[] = [];
  const result = await api.build(project, { jobs: 2, onEvent: ({ type }) => types.push(type) });
  assert.equal([result.outcome, result.counts.built, result.failed], ['ok', 2, []]);
  assert.equal(
    types.filter((type) => type.startsWith('run-') || type.startsWith('phase-')),
    ['run-started', 'phase-started', 'phase-finished', 'run-finished'],
  );
  const again = await runCli(['plan', '--check'], { cwd: root });
  assert.is(again.code, 0, 'the command line uses the same results');
});

test('files are read again by every plan', async () => {
  const root = makeProject(definitions, { in: 'a\n' });
  const project = await api.open({ directory: root, env });
  await api.build(project);
  assert.is((await api.plan(project)).counts.reuse, 2);
  writeFileSync(path.join(root, 'in'), 'b\n');
  assert.is((await api.plan(project)).counts.run, 2);
});

test('two projects of two profiles work at the same time, and the working directory stays', async () => {
  const cwd = process.cwd();
  // Waiting at the top makes it a module that Node loads, not a script.
  for (const [form, head] of Object.entries({ script: '', module: 'await Promise.resolve();\n' })) {
    const root = makeProject(head + definitions, { in: `${form}\n` });
    const [red, blue] = await Promise.all(
      ['red', 'blue'].map((profile) => api.open({ directory: root, profile, env })),
    );
    const results = await Promise.all([api.build(red!), api.build(blue!)]);
    assert.equal(
      results.map(({ outcome }) => outcome),
      ['ok', 'ok'],
    );
    assert.is(await outputOf(red!, 'one:latest'), `${form}\nred\n`);
    assert.is(await outputOf(blue!, 'one:latest'), `${form}\nblue\n`);
  }
  assert.is(process.cwd(), cwd);
});

test('failures are results, and blocked tasks do not start', async () => {
  const root = makeProject(
    `import { command } from 'image-tasks';
const bad = command({ name: 'bad', run: ['sh', '-c', 'exit 3'] });
export const after = command({ name: 'after', needs: { BAD: bad }, run: ['true'] });
export const all = [bad];`,
  );
  const project = await api.open({ directory: root, env });
  const { outcome, failed, counts } = await api.build(project, { keepGoing: true });
  assert.equal([outcome, failed, counts.blocked], ['failed', ['bad:latest'], 1]);
});

test('a signal ends what is running', async () => {
  const root = makeProject(
    `import { command } from 'image-tasks';\nexport const slow = command({ name: 'slow', run: ['sh', '-c', 'echo started; exec sleep 600'] });`,
  );
  const project = await api.open({ directory: root, env });
  const interrupt = new AbortController();
  const { outcome } = await api.build(project, {
    signal: interrupt.signal,
    onEvent: (event) => {
      if (event.type === 'task-output') interrupt.abort();
    },
  });
  assert.is(outcome, 'interrupted');
});

test('wrong use is a TasksError that says what to do', async () => {
  const root = makeProject(definitions, { in: '' });
  const failure = async (work: () => Promise<unknown>): Promise<Api.TasksError> => {
    try {
      await work();
    } catch (error) {
      assert.instance(error, api.TasksError);
      return error as Api.TasksError;
    }
    return assert.unreachable() as never;
  };
  assert.match((await failure(() => api.open({ directory: root } as never))).hint!, /process\.env/);
  assert.match((await failure(() => api.open({ directory: '/', env }))).message, /project/);
  const project = await api.open({ directory: root, env });
  assert.match((await failure(() => api.plan(project, { selectors: ['oen'] }))).message, /oen/);
  assert.match((await failure(() => api.push(project))).message, /no repository to push to/);
  assert.match((await failure(() => api.plan({ ...project }))).message, /open\(\)/);
});

test('docs/reference/api.md: the script posts a plan as a pull request comment', async () => {
  const root = makeProject(definitions, { in: 'a\n' });
  mkdirSync(path.join(root, 'node_modules'));
  symlinkSync(process.cwd(), path.join(root, 'node_modules/image-tasks'));
  const [, script] = /```js plan-comment\.mjs\n([\s\S]*?)```/.exec(
    readFileSync('docs/reference/api.md', 'utf8'),
  )!;
  writeFileSync(path.join(root, 'plan-comment.mjs'), script!);
  const posted: { url: string | undefined; body: string }[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    posted.push({ url: request.url, body: (JSON.parse(text) as { body: string }).body });
    response.writeHead(201).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    await promisify(execFile)(process.execPath, ['plan-comment.mjs'], {
      cwd: root,
      env: {
        ...env,
        GITHUB_API_URL: `http://127.0.0.1:${port}`,
        GITHUB_REPOSITORY: 'team/images',
        GITHUB_TOKEN: 't',
        PULL_REQUEST: '7',
      },
    });
  } finally {
    server.close();
  }
  const [{ url, body } = { url: '', body: '' }] = posted;
  assert.is(url, '/repos/team/images/issues/7/comments');
  assert.match(body, /^This change rebuilds 2 of 2 tasks \(0 are up to date\)\.\n\n\| task \| why \|/);
  assert.match(body, /\n\| two:latest \| .+ \|$/);
});

test.run();
