import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeProject, runCli } from '../support/cli.ts';

const test = suite('e2e: graph');

/** A project without images, which needs no engine. The file `text` decides whether `shaky` succeeds. */
function project(): string {
  return makeProject(
    `import { command } from 'image-tasks';
     const source = command({ name: 'source', versions: ['1', '2'], run: ['sh', '-c', 'echo > $TASKS_OUT/out'], inputs: ['text'] });
     const copy = command({ name: 'copy', versions: ['1', '2'], run: ['sh', '-c', 'echo > $TASKS_OUT/out'], needs: { source } });
     const shaky = command({ name: 'shaky', run: ['sh', '-c', 'grep -q good text && echo > $TASKS_OUT/out'], inputs: ['text'] });
     export const all = [source, copy, shaky];`,
    { text: 'good\n' },
  );
}

async function draw(cwd: string, ...args: string[]): Promise<string> {
  const { code, out, err } = await runCli(['graph', ...args], { cwd });
  assert.is(code, 0, err);
  return out;
}

test('the tree shows tasks to do, up-to-date tasks and failed tasks', async () => {
  const cwd = project();
  assert.is(await draw(cwd), '● copy:{1,2}\n└─ ● source:{1,2}\n● shaky:latest\n\n● 5 to do\n');
  await runCli(['build'], { cwd });
  assert.match(await draw(cwd), /✔ copy:\{1,2\}\n└─ ✔ source:\{1,2\}\n✔ shaky:latest\n\n✔ 5 up to date/);
  writeFileSync(path.join(cwd, 'text'), 'bad\n');
  assert.is((await runCli(['build', 'shaky'], { cwd })).code, 1);
  assert.match(
    await draw(cwd),
    /● copy:\{1,2\}\n└─ ● source:\{1,2\}\n✖ shaky:latest\n\n✖ 1 failed last time {3}● 4 to do/,
  );
  writeFileSync(path.join(cwd, 'text'), 'good again\n');
  assert.is((await runCli(['build', 'shaky'], { cwd })).code, 0);
  assert.match(await draw(cwd), /✔ shaky:latest\n/);
});

test('--changed shows only tasks to do, with reasons', async () => {
  const cwd = project();
  await runCli(['build'], { cwd });
  assert.is(await draw(cwd, '--changed'), 'nothing would be done\n');
  writeFileSync(path.join(cwd, 'text'), 'good and new\n');
  assert.match(
    await draw(cwd, '--changed', 'copy'),
    /^● copy:\{1,2\} {2}because of source\n└─ ● source:\{1,2\} {2}file text changed\n/,
  );
});

test('no format contains values of environment variables or secrets', async () => {
  const cwd = makeProject(
    `import { command } from 'image-tasks';
     export const a = command({ name: 'a', run: ['sh', '-c', 'echo "$MINE $key" | tee $TASKS_OUT/out'], env: ['MINE'], secrets: { key: { env: 'KEY' } } });`,
  );
  await runCli(['build'], { cwd, env: { MINE: 'first-value', KEY: 'top-secret' } });
  const env = { MINE: 'second-value', KEY: 'top-secret' };
  for (const format of ['tree', 'dot', 'mermaid', 'svg', 'html', 'json']) {
    const { out } = await runCli(['graph', '--changed', '--format', format], { cwd, env });
    assert.not.match(out.replaceAll('first-value ***', ''), /first-value|second-value|top-secret/, format);
  }
  const { out } = await runCli(['graph', '--changed'], { cwd, env });
  assert.match(out, /env MINE changed/);
});

test('selectors limit the graph; --full shows each version', async () => {
  const cwd = project();
  assert.is(await draw(cwd, '--full', 'source:1+'), '● copy:1  run\n└─ ● source:1  run\n\n● 2 to do\n');
});

test('each format is written to standard output or to a file with its extension', async () => {
  const cwd = project();
  const json = JSON.parse(await draw(cwd, '--format', 'json')) as { nodes: object[]; edges: object[] };
  assert.is(json.nodes.length, 5);
  assert.equal(json.edges[0], { from: 'copy:1', to: 'source:1', kind: 'needs' });
  for (const [name, start] of [
    ['graph.dot', /^digraph tasks \{/],
    ['graph.mmd', /^flowchart TD\n/],
    ['graph.svg', /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/],
    ['graph.html', /^<!doctype html>\n<html lang="en">[\s\S]*<script type="application\/json" id="data">/],
    ['graph.json', /^\{"nodes":\[\{"id":"source:1"/],
    ['graph.txt', /^● copy/],
  ] as const) {
    assert.is(await draw(cwd, '--output', name), '');
    assert.match(readFileSync(path.join(cwd, name), 'utf8'), start);
  }
  assert.match(await draw(cwd, '--format', 'svg', '--changed'), /data-id="copy:1"/);
});

test('an unknown format is an error, and no file is written', async () => {
  const cwd = project();
  const { code, err } = await runCli(['graph', '--format', 'png', '--output', 'x.svg'], { cwd });
  assert.is(code, 2);
  assert.match(err, /--format is "png"\nhint: expected one of tree, dot, mermaid, svg, html, json/);
  assert.not.ok(existsSync(path.join(cwd, 'x.svg')));
});

test('an output file that cannot be written is an error', async () => {
  const { code, err } = await runCli(['graph', '--output', 'nowhere/x.svg'], { cwd: project() });
  assert.is(code, 2);
  assert.match(err, /cannot write --output: .*nowhere/);
});

test.run();
