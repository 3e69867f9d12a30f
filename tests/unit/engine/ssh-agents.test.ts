import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSshAgents } from '../../../src/engine/ssh-agents.ts';
import { TasksError } from '../../../src/model/errors.ts';
import type { SshSource } from '../../../src/model/task.ts';
import { commandEnded } from '../../support/processes.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('SSH agents for builds');
const programs = ['ssh-agent', 'ssh-add', 'ssh-keygen'];
const isInstalled = programs.every((name) =>
  (process.env.PATH ?? '').split(':').some((folder) => existsSync(path.join(folder, name))),
);
const sshTest = (name: string, run: () => Promise<void>): void =>
  isInstalled ? test(name, run) : test.skip(`${name} (skipped: OpenSSH is not installed)`, run);

const signal = new AbortController().signal;
const PATH = process.env.PATH!;
const open = (sources: readonly SshSource[], root: string, environment: Record<string, string> = { PATH }) =>
  openSshAgents(sources, { root, environment, signal });

/** Makes private keys in a folder. Returns the folder. */
function makeKeys(passphrases: Readonly<Record<string, string>>): string {
  const folder = tempFolder();
  for (const [name, passphrase] of Object.entries(passphrases))
    execFileSync('ssh-keygen', [
      '-q',
      '-t',
      'ed25519',
      '-N',
      passphrase,
      '-C',
      name,
      '-f',
      path.join(folder, name),
    ]);
  return folder;
}

const keysOf = (socket: string): string =>
  execFileSync('ssh-add', ['-L'], { env: { PATH, SSH_AUTH_SOCK: socket }, encoding: 'utf8' });

async function failureOf(work: Promise<unknown>): Promise<TasksError> {
  try {
    await work;
  } catch (error) {
    assert.instance(error, TasksError);
    assert.is((error as TasksError).exitCode, 3);
    return error as TasksError;
  }
  throw new Error('it did not fail');
}

sshTest('each private key has an agent with this key only, which ends with the run', async () => {
  const root = makeKeys({ one: '', two: '' });
  const agents = await open([{ key: 'one' }, { key: path.join(root, 'two') }, { key: 'one' }], root);
  const sockets = [agents.socketOf({ key: 'one' }), agents.socketOf({ key: path.join(root, 'two') })];
  for (const [at, name] of ['one', 'two'].entries())
    assert.is(keysOf(sockets[at]!), readFileSync(path.join(root, `${name}.pub`), 'utf8'));
  await agents.close();
  for (const socket of sockets) {
    assert.is(existsSync(path.dirname(socket)), false);
    await commandEnded(socket);
  }
});

sshTest('a key that cannot be loaded is an error that says why, and no agent is left', async () => {
  const root = makeKeys({ good: '', locked: 'secret', open: '' });
  chmodSync(path.join(root, 'open'), 0o644);
  writeFileSync(path.join(root, 'text'), 'no key\n', { mode: 0o600 });
  const cases: [key: string, message: RegExp][] = [
    ['missing', /cannot load the SSH key missing:[\s\S]*No such file/],
    ['locked', /cannot load the SSH key locked/],
    ['open', /cannot load the SSH key open:[\s\S]*UNPROTECTED/],
    ['text', /cannot load the SSH key text/],
  ];
  const { TMPDIR } = process.env;
  const folder = tempFolder();
  process.env.TMPDIR = folder;
  for (const [key, message] of cases) {
    const error = await failureOf(open([{ key: 'good' }, { key }], root));
    assert.match(error.message, message);
    assert.match(error.hint!, 'agent: true');
    assert.not.match(error.message, 'secret');
  }
  if (TMPDIR === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = TMPDIR;
  assert.equal(readdirSync(folder), []);
  await commandEnded(folder);
});

test('without OpenSSH a key is an error that says what to install', async () => {
  const error = await failureOf(open([{ key: 'k' }], tempFolder(), { PATH: tempFolder() }));
  assert.match(error.message, 'cannot run ssh-agent');
  assert.match(error.hint!, 'openssh-client');
});

test("the user's agent is the socket of SSH_AUTH_SOCK, or an error", async () => {
  const root = tempFolder();
  const file = path.join(root, 'file');
  writeFileSync(file, '');
  const source = { agent: true } as const;
  assert.match((await failureOf(open([source], root))).message, 'SSH_AUTH_SOCK is not set');
  for (const socket of [file, path.join(root, 'missing')])
    assert.match(
      (await failureOf(open([source], root, { SSH_AUTH_SOCK: socket }))).message,
      `SSH_AUTH_SOCK (${socket}) is no socket`,
    );
});

sshTest("the user's agent is not started and not ended", async () => {
  const root = makeKeys({ mine: '' });
  const own = await open([{ key: 'mine' }], root);
  const socket = own.socketOf({ key: 'mine' });
  const agents = await open([{ agent: true }], root, { PATH, SSH_AUTH_SOCK: socket });
  assert.is(agents.socketOf({ agent: true }), socket);
  await agents.close();
  assert.match(keysOf(socket), 'mine');
  await own.close();
});

test.run();
