import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunEvent } from '../../src/model/events.ts';
import { type CliProcess, makeProject, runCli, startCli } from '../support/cli.ts';
import { type EventStream, openEventStream } from '../support/event-stream.ts';
import { tempFolder, writeFiles } from '../support/temp.ts';

const test = suite('e2e: page');

/** Returns the URL that a tasks process prints on one of its streams. */
function urlOf({ child }: CliProcess, stream: 'stdout' | 'stderr'): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child[stream]!.on('data', (data) => {
      text += data;
      const [url] = /http:\/\/127\.0\.0\.1:\d+\/\S+\//.exec(text) ?? [];
      if (url !== undefined) resolve(url);
    });
    child.on('close', () => reject(new Error(`ended without a URL:\n${text}`)));
  });
}

async function nextEvent(stream: EventStream, type: RunEvent['type']): Promise<RunEvent> {
  for (;;) {
    const event = JSON.parse((await stream.next()).data) as RunEvent;
    if (event.type === type) return event;
  }
}

test('build --ui serves a page that follows the run, and stays until an interrupt', async () => {
  // The command waits until something is written to `gate`.
  const cwd = makeProject(
    `import { command } from 'image-tasks';
     export const slow = command({ name: 'slow', run: ['sh', '-c', 'cat gate > $TASKS_OUT/out'] });`,
  );
  execFileSync('mkfifo', [path.join(cwd, 'gate')]);
  const build = startCli(['build', '--ui', '--reporter', 'plain'], { cwd });
  const url = await urlOf(build, 'stderr');
  const page = await (await fetch(url)).text();
  assert.match(page, /"id":"slow:latest"/);
  assert.match(page, /"isLive":true/);
  const events = await openEventStream(`${url}events`);
  await nextEvent(events, 'task-started');
  writeFileSync(path.join(cwd, 'gate'), 'go\n');
  const finished = await nextEvent(events, 'run-finished');
  assert.ok('ok' in finished && finished.ok);
  await build.printed(`the page stays open: ${url} (Ctrl-C to close it)`);
  assert.match(await (await fetch(url)).text(), /"id":"slow:latest"/);
  build.child.kill('SIGINT');
  assert.is((await events.next()).event, 'end');
  const { code, out } = await build.ended;
  assert.equal([code, out], [0, ''], 'the exit code is that of the build');
});

test('build --ui stays until an interrupt also if there is nothing to do, or if a task fails', async () => {
  const cwd = makeProject(
    `import { command } from 'image-tasks';
     export const a = command({ name: 'a', run: ['true'] });`,
  );
  await runCli(['build'], { cwd });
  const idle = startCli(['build', '--ui'], { cwd });
  const url = await urlOf(idle, 'stderr');
  await idle.printed('the page stays open');
  assert.is((await fetch(url)).status, 200);
  idle.child.kill('SIGINT');
  assert.is((await idle.ended).code, 0);
  const failing = makeProject(
    "import { command } from 'image-tasks';\nexport const a = command({ name: 'a', run: ['false'] });",
  );
  const failed = startCli(['build', '--ui'], { cwd: failing });
  await failed.printed('the page stays open');
  failed.child.kill('SIGTERM');
  assert.is((await failed.ended).code, 1);
});

/** Returns a folder for PATH whose xdg-open writes its arguments to a file and ends with this code. */
function folderWithBrowser(code: number): { PATH: string; called: string } {
  const folder = tempFolder();
  writeFiles(folder, {
    'xdg-open*': `#!/bin/sh\nprintf '%s\\n' "$#" "$@" > '${folder}/called'\nexit ${code}\n`,
  });
  return { PATH: `${folder}:${process.env.PATH}`, called: path.join(folder, 'called') };
}

test('--open opens the page of build and of graph; a browser that cannot be opened is a warning with the URL', async () => {
  const cwd = makeProject(
    "import { command } from 'image-tasks';\nexport const a = command({ name: 'a', run: ['true'] });",
  );
  for (const command of ['build', 'graph']) {
    const { PATH, called } = folderWithBrowser(3);
    const served = startCli([command, '--open'], { cwd, env: { PATH } });
    await served.printed('warning: cannot open a browser (xdg-open ended with 3): open http://127.0.0.1:');
    const [count, url] = readFileSync(called, 'utf8').split('\n');
    assert.is(count, '1');
    assert.is((await fetch(url!)).status, 200);
    served.child.kill('SIGINT');
    assert.is((await served.ended).code, command === 'build' ? 0 : 130);
  }
});

test('without a program that opens browsers, --open warns', async () => {
  const cwd = makeProject(
    "import { command } from 'image-tasks';\nexport const a = command({ name: 'a', run: ['/bin/true'] });",
  );
  const served = startCli(['build', '--open'], { cwd, env: { PATH: tempFolder() } });
  await served.printed('warning: cannot open a browser (spawn xdg-open ENOENT): open http://127.0.0.1:');
  await served.printed('the page stays open');
  served.child.kill('SIGINT');
  assert.is((await served.ended).code, 0);
});

test('build --ui: an open page does not keep an interrupted run from ending', async () => {
  const cwd = makeProject(
    `import { command } from 'image-tasks';
     export const slow = command({ name: 'slow', run: ['sh', '-c', 'cat gate'] });`,
  );
  execFileSync('mkfifo', [path.join(cwd, 'gate')]);
  const build = startCli(['build', '--ui', '--reporter', 'plain'], { cwd });
  const events = await openEventStream(`${await urlOf(build, 'stderr')}events`);
  await nextEvent(events, 'task-started');
  build.child.kill('SIGINT');
  await nextEvent(events, 'run-finished');
  assert.is((await build.ended).code, 130);
});

test('graph --serve serves the current state of the project and announces changes, until interrupted', async () => {
  const cwd = makeProject(
    `import { command } from 'image-tasks';
     export const copy = command({ name: 'copy', run: ['sh', '-c', 'cp text $TASKS_OUT/'], inputs: ['text'] });`,
    { text: 'one\n' },
  );
  await runCli(['build'], { cwd });
  const served = startCli(['graph', '--serve'], { cwd });
  const url = await urlOf(served, 'stdout');
  const events = await openEventStream(`${url}events`);
  await served.printed('open pages follow every change');
  assert.match(await (await fetch(url)).text(), /"id":"copy:latest"[^}]*"state":"current"/);
  writeFileSync(path.join(cwd, 'text'), 'two\n');
  const stateAfter = async (state: string): Promise<void> => {
    for (;;) {
      const page = await (await fetch(url)).text();
      if (page.includes(`"state":"${state}"`)) return;
      assert.is((await events.next()).event, 'plan');
    }
  };
  await stateAfter('todo');
  await runCli(['build'], { cwd });
  await stateAfter('current');
  writeFileSync(path.join(cwd, 'tasks/images.ts'), 'export const broken = ;');
  const broken = await fetch(url);
  assert.is(broken.status, 500);
  assert.match(await broken.text(), /tasks\/images\.ts/);
  served.child.kill('SIGINT');
  for (let event = ''; event !== 'end'; ) event = (await events.next()).event;
  assert.is((await served.ended).code, 130);
});

test('graph --serve fails if the definitions are wrong at the start', async () => {
  const { code, out, err } = await runCli(['graph', '--serve'], {
    cwd: makeProject('export const broken = ;'),
  });
  assert.equal([code, out], [2, '']);
  assert.match(err, /tasks\/images\.ts/);
});

test.run();
