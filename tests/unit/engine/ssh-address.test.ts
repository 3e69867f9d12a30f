import { execFileSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resolveEndpoint } from '../../../src/engine/endpoint.ts';
import { parseSshAddress, sshArguments } from '../../../src/engine/ssh-address.ts';
import { TasksError } from '../../../src/model/errors.ts';

const test = suite('the address of an engine behind ssh');
const argumentsFor = (address: string): string[] => sshArguments(parseSshAddress(address));
const options = ['-o', 'ConnectTimeout=15', '-T'];
const dial = ['docker', 'system', 'dial-stdio'];

test('user, port and host become arguments of ssh, each of its own', () => {
  assert.equal(argumentsFor('ssh://build.example'), [...options, '--', 'build.example', ...dial]);
  assert.equal(argumentsFor('ssh://build.example/'), [...options, '--', 'build.example', ...dial]);
  assert.equal(argumentsFor('ssh://me@build_1:2222'), [
    ...['-l', 'me', '-p', '2222', ...options],
    ...['--', 'build_1', ...dial],
  ]);
  assert.equal(argumentsFor('ssh://CORP%5Cme@[::1]'), ['-l', 'CORP\\me', ...options, '--', '::1', ...dial]);
});

test('a path is the socket of the engine there', () => {
  assert.equal(argumentsFor('ssh://h/run/user/7/docker.sock').slice(options.length), [
    ...['--', 'h', 'docker', '--host', 'unix:///run/user/7/docker.sock', 'system', 'dial-stdio'],
  ]);
});

test('the shell on the other side reads any path as one word', () => {
  for (const path of ['/a b', `/it's`, '/$(touch x)', '/"`;&|<>(){}*?~#!\\']) {
    const encoded = path.replaceAll(/[^/\w]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
    const command = argumentsFor(`ssh://h${encoded}`).slice(options.length + 2);
    // ssh joins the words with spaces, and sshd gives the line to a shell.
    const seen = execFileSync('/bin/sh', ['-c', `docker() { printf '%s\\n' "$@"; }; ${command.join(' ')}`], {
      encoding: 'utf8',
    });
    assert.is(seen, `--host\nunix://${path}\nsystem\ndial-stdio\n`);
  }
});

test('what ssh could take for an option or a command is refused, and so is what docker refuses', () => {
  const reasons: [string, RegExp][] = [
    ['ssh://-oProxyCommand=x', /starts with "-"/],
    ['ssh://-l@h', /starts with "-"/],
    ['ssh://$(x)@h', /special character/],
    ['ssh://`x`', /special character|Invalid URL/],
    ['ssh://a%20b@h', /a space/],
    ['ssh://', /it has no host|Invalid URL/],
    ['ssh:///socket', /it has no host|Invalid URL/],
    ['ssh://me:secret@h', /a password is not supported/],
    ['ssh://h?x=1', /a query/],
    ['ssh://h#x', /a fragment/],
    ['ssh://h:port', /Invalid URL/],
  ];
  for (const [DOCKER_HOST, reason] of reasons) {
    try {
      resolveEndpoint({ DOCKER_HOST });
      assert.unreachable(DOCKER_HOST);
    } catch (error) {
      assert.instance(error, TasksError, DOCKER_HOST);
      assert.is((error as TasksError).exitCode, 3);
      assert.match((error as Error).message, reason);
      assert.not.match((error as Error).message, /secret/);
    }
  }
});

test.run();
