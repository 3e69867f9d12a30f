import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keysFromScratch, makeObservedProject, observeProject } from '../../support/observed-project.ts';
import { waitUntilSettled, writeFiles } from '../../support/temp.ts';

const test = suite('deps log');

test('tasks that a run does not select stay in the log', async () => {
  const root = makeObservedProject();
  await observeProject(root);
  writeFileSync(`${root}/base/a`, 'eno');
  waitUntilSettled(`${root}/base/a`);
  assert.equal((await observeProject(root, { ids: ['base:latest'] })).read, ['base']);
  assert.equal((await observeProject(root, { ids: ['make:latest'] })).read, []);
});

test('after many changes, every other task is still in the log, and the log does not grow', async () => {
  const root = makeObservedProject();
  const logFile = path.join(root, '.cache/traces');
  await observeProject(root);
  const sizes: number[] = [];
  for (let round = 0; round < 120; round++) {
    const [file, tasks] = round % 3 === 0 ? ['base/a', ['base', 'app']] : ['in/one.c', ['make']];
    writeFiles(root, { [file]: `round ${round}` });
    waitUntilSettled(path.join(root, file));
    const changed = await observeProject(root);
    assert.equal(changed.read, tasks, `round ${round}`);
    const after = await observeProject(root);
    assert.equal([after.read, after.keys], [[], changed.keys], `round ${round}`);
    sizes.push(lstatSync(logFile).size);
  }
  assert.ok(Math.max(...sizes.slice(60)) <= Math.max(...sizes.slice(0, 60)) + 100, sizes.join(' '));
  const { keys } = await observeProject(root);
  assert.equal(await keysFromScratch(root), keys);
});

test('a truncated or edited log is moved aside with a warning and never used', async () => {
  const root = makeObservedProject();
  const before = await observeProject(root);
  const file = path.join(root, '.cache/traces');
  const whole = readFileSync(file);
  const edited = Buffer.from(whole);
  edited[whole.length - 20]! ^= 1;
  const stamps = Buffer.from(whole);
  stamps[60]! ^= 1;
  for (const bytes of [
    edited,
    stamps,
    whole.subarray(0, -1),
    whole.subarray(0, 40),
    Buffer.from('x'),
    Buffer.alloc(0),
  ]) {
    writeFileSync(file, bytes);
    const { keys, read, warnings } = await observeProject(root);
    assert.equal(keys, before.keys);
    assert.is(read.length, 4);
    assert.match(warnings.join(), 'is damaged: moved it to traces.broken');
  }
  assert.equal((await observeProject(root)).read, []);
  assert.ok(readdirSync(path.dirname(file)).includes('traces.broken'));
});

test.run();
