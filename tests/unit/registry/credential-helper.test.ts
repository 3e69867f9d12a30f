import path from 'node:path';
import { mock } from 'node:test';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runCredentialHelper } from '../../../src/registry/credential-helper.ts';
import { dockerCredentials } from '../../../src/registry/credentials.ts';
import { processEnded, processStarted } from '../../support/processes.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite("docker's credential helpers");

function helper(script: string): { program: string; folder: string } {
  const folder = tempFolder();
  writeFiles(folder, { 'helper*': `#!/bin/sh\n${script}\n` });
  return { program: path.join(folder, 'helper'), folder };
}

const environment = { PATH: process.env.PATH };
const run = (script: string, limit?: number, signal?: AbortSignal) =>
  runCredentialHelper(helper(script).program, 'h:1', environment, signal, limit);

test('returns what a helper prints, and why it failed', async () => {
  assert.equal(await run('cat'), { output: 'h:1' });
  assert.equal(await run('echo no; exit 3'), { output: 'no\n', failure: 'exit code 3' });
  assert.equal(await run('kill -9 $$'), { output: '', failure: 'killed by SIGKILL' });
  assert.equal(await runCredentialHelper('/nowhere/helper', 'h', environment), {
    output: '',
    failure: 'it cannot be run',
  });
  assert.equal(await run('exec <&-; echo x'), { output: 'x\n' }, 'a helper that does not read its input');
});

for (const [what, end, message] of [
  ['after the timeout', () => mock.timers.tick(500), 'no answer within 0.5 s'],
  ['on an interrupt', (abort: AbortController) => abort.abort(new Error('interrupted')), 'interrupted'],
] as const)
  test(`kills a helper that hangs, with its child processes, ${what}`, async () => {
    const { program, folder } = helper('sleep 1000 & echo $! > "$(dirname "$0")/pid"; wait');
    const abort = new AbortController();
    mock.timers.enable({ apis: ['setTimeout'] });
    const work = runCredentialHelper(program, 'h', environment, abort.signal, 500).then(
      ({ failure }) => failure,
      (error: Error) => error.message,
    );
    const pidFile = path.join(folder, 'pid');
    await processStarted(pidFile);
    end(abort);
    assert.is(await work, message);
    await processEnded(pidFile);
  });
test.after.each(() => mock.timers.reset());

test('does not wait for a child process that keeps the output open, or for endless output', async () => {
  assert.equal(await run('echo x; sleep 1000 &'), { output: 'x\n' });
  assert.is((await run('yes')).failure, 'too much output');
});

test('prefers DOCKER_AUTH_CONFIG to the file, and ignores entries of unexpected types', async () => {
  const auth = Buffer.from('me:pa:ss').toString('base64');
  const file = tempFolder();
  writeFiles(file, {
    'config.json': JSON.stringify({ auths: { 'a.example': { username: 'file', password: 'p' } } }),
  });
  const fromEnvironment = JSON.stringify({ auths: { 'b.example': { auth } } });
  const find = dockerCredentials({ DOCKER_CONFIG: file, DOCKER_AUTH_CONFIG: fromEnvironment });
  assert.equal(await find('b.example'), { username: 'me', password: 'pa:ss' });
  assert.equal(await find('a.example'), { username: 'file', password: 'p' });
  const broken = await dockerCredentials({ DOCKER_AUTH_CONFIG: '{"s3cret' })('a').catch(
    (each: Error) => each,
  );
  assert.match((broken as Error).message, /^DOCKER_AUTH_CONFIG is not valid JSON$/);
  for (const text of [
    'null',
    '[]',
    '"x"',
    '{"auths":null}',
    '{"auths":{"a.example":7}}',
    '{"auths":{"a.example":{"auth":7}}}',
    '{"auths":{"a.example":{"identitytoken":{}}}}',
  ]) {
    writeFiles(file, { 'config.json': text });
    assert.is(await dockerCredentials({ DOCKER_CONFIG: file })('a.example'), undefined, text);
  }
});

test('credentials are read again after a minute: those of a helper may have expired during a long build', async () => {
  const folder = tempFolder();
  const write = (password: string): void =>
    writeFiles(folder, {
      'config.json': JSON.stringify({
        auths: { 'a.example': { auth: Buffer.from(`me:${password}`).toString('base64') } },
      }),
    });
  let now = 0;
  const find = dockerCredentials({ DOCKER_CONFIG: folder }, undefined, () => now);
  write('old');
  assert.equal(await find('a.example'), { username: 'me', password: 'old' });
  write('new');
  now = 59_999;
  assert.equal(await find('a.example'), { username: 'me', password: 'old' });
  now = 60_000;
  assert.equal(await find('a.example'), { username: 'me', password: 'new' });
});

test.run();
