import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { processStartTime } from '../../../src/doctor/proc.ts';
import { policyText, preventServiceStarts } from '../../../src/doctor/service-policy.ts';
import { killAll } from '../../../src/engine/process.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('services do not start while packages are installed');
const policyIn = (folder: string): string => path.join(folder, 'policy-rc.d');
const runPolicy = (file: string): number | null => spawnSync('sh', [file, 'x', 'start']).status;

test('the policy forbids service starts while the process runs, and allows them once it was killed', async () => {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  const file = policyIn(tempFolder());
  writeFileSync(file, policyText(child.pid!, processStartTime(child.pid!)!));
  assert.is(runPolicy(file), 101);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  assert.is(runPolicy(file), 0);
});

test('another process with the same pid does not count', () => {
  const file = policyIn(tempFolder());
  writeFileSync(file, policyText(process.pid, '1'));
  assert.is(runPolicy(file), 0);
});

test('without a start time, the policy does not forbid service starts forever', () => {
  const file = policyIn(tempFolder());
  // No process can have this pid.
  writeFileSync(file, policyText(2 ** 30, ''));
  assert.is(runPolicy(file), 0);
});

test('the policy exists and is executable until it is released', () => {
  const file = policyIn(tempFolder());
  const release = preventServiceStarts(file);
  assert.is(runPolicy(file), 101);
  assert.is(statSync(file).mode & 0o777, 0o755);
  release();
  assert.is(existsSync(file), false);
});

test('an immediate exit of the process removes the policy', () => {
  const file = policyIn(tempFolder());
  preventServiceStarts(file);
  killAll();
  assert.is(existsSync(file), false);
});

test('the policy of a killed run is replaced, and removed at the end', () => {
  const file = policyIn(tempFolder());
  writeFileSync(file, policyText(process.pid, '1'));
  const release = preventServiceStarts(file);
  assert.is(runPolicy(file), 101);
  release();
  assert.is(existsSync(file), false);
});

test("the system's own policy stays, and no link is followed", () => {
  const folder = tempFolder();
  const file = policyIn(folder);
  writeFileSync(file, '#!/bin/sh\nexit 101\n');
  preventServiceStarts(file)();
  assert.is(readFileSync(file, 'utf8'), '#!/bin/sh\nexit 101\n');
  const link = path.join(folder, 'link');
  symlinkSync(path.join(folder, 'nowhere'), link);
  assert.throws(() => preventServiceStarts(link), /EEXIST/);
});

test.run();
