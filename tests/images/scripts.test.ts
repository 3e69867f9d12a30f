// The scripts in images/, run without an engine: what they fetch, what they look up, and what they reject.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tempFolder, writeFiles } from '../support/temp.ts';

const root = process.cwd();
const images = path.join(root, 'images');

function run(script: string, args: readonly string[], env: Record<string, string> = {}) {
  const out = tempFolder();
  const result = spawnSync(path.join(images, script), args, {
    encoding: 'utf8',
    env: { ...process.env, TASKS_OUT: out, ...env },
  });
  return { ...result, out };
}

function git(folder: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@localhost'];
  const result = spawnSync('git', [...identity, '-C', folder, ...args], { encoding: 'utf8' });
  assert.is(result.status, 0, result.stderr);
  return result.stdout.trim();
}

const scripts = suite('image scripts');

/** Registers a test that needs a program; skips it by name if the program is not installed. */
function withProgram(program: string, title: string, body: () => void): void {
  const isInstalled = spawnSync(program, ['--version']).error === undefined;
  if (isInstalled) scripts(title, body);
  else scripts.skip(`${title} (skipped: ${program} is not installed)`);
}

/** Returns a PATH with a fake apt-cache that lists these versions of postgresql-15, as PGDG has them. */
function aptCache(versions: readonly string[]): Record<string, string> {
  const folder = tempFolder();
  const lines = versions.map(
    (version) => `echo "postgresql-15 | ${version} | https://apt.example main/amd64 Packages"`,
  );
  writeFiles(folder, { 'apt-cache*': `#!/bin/sh\n${lines.join('\n')}\n` });
  return { PATH: `${folder}:${process.env.PATH}` };
}

scripts('exact-version: 15.2 does not match 15.20', () => {
  const env = aptCache(['15.20-1.pgdg12+1', '15.2-2.pgdg12+1', '15.2-1.pgdg12+1', '15.1-1.pgdg12+1']);
  assert.is(
    run('apt/exact-version', ['postgresql-15', '15.2'], env).stdout,
    'postgresql-15=15.2-2.pgdg12+1\n',
  );
  assert.is(
    run('apt/exact-version', ['postgresql-15', '15.20'], env).stdout,
    'postgresql-15=15.20-1.pgdg12+1\n',
  );
  assert.is(
    run('apt/exact-version', ['postgresql-15', '15'], env).stdout,
    'postgresql-15=15.20-1.pgdg12+1\n',
  );
});

scripts('exact-version: matches previews and epochs, and takes dots literally', () => {
  const env = aptCache(['1:15~beta1-1.pgdg12+1', '15x2-1']);
  assert.is(
    run('apt/exact-version', ['postgresql-15', '15~beta1'], env).stdout,
    'postgresql-15=1:15~beta1-1.pgdg12+1\n',
  );
  assert.is(run('apt/exact-version', ['postgresql-15', '15.2'], env).status, 1, 'a dot is not a wildcard');
});

scripts('exact-version: a missing version is an error that lists the available ones', () => {
  const { status, stdout, stderr } = run(
    'apt/exact-version',
    ['postgresql-15', '15.2'],
    aptCache(['15.20-1', '15.3-1']),
  );
  assert.is(status, 1);
  assert.is(stdout, '');
  assert.match(stderr, /no version 15\.2 of postgresql-15; it has:\n {2}15\.20-1\n {2}15\.3-1\n/);
  assert.match(run('apt/exact-version', ['postgresql-15', '15.2'], aptCache([])).stderr, '(no such package)');
});

scripts('fetch-git: a tag and its commit give the same tar; an unknown tag is a clear error', () => {
  const repository = tempFolder();
  git(repository, 'init', '--quiet');
  writeFiles(repository, { README: 'one', 'run*': 'x' });
  git(repository, 'add', '.');
  git(repository, 'commit', '--quiet', '--message', 'one');
  git(repository, 'tag', '--annotate', 'v1', '--message', 'one');
  const commit = git(repository, 'rev-parse', 'HEAD');
  const byTag = run('sources/fetch-git', [repository, 'v1']);
  assert.is(byTag.status, 0, byTag.stderr);
  const byCommit = run('sources/fetch-git', [repository, commit]);
  const [one, two] = [byTag, byCommit].map(({ out }) => readFileSync(path.join(out, 'source.tar')));
  assert.ok(one!.equals(two!));
  const missing = run('sources/fetch-git', [repository, 'v2']);
  assert.is(missing.status, 1);
  assert.match(missing.stderr, `${repository} has no v2, or cannot be reached`);
  assert.not.ok(existsSync(path.join(missing.out, 'source.tar')));
});

withProgram('curl', 'fetch-release: the file is verified against its published checksum', () => {
  const place = tempFolder();
  const content = 'a release';
  const digest = createHash('sha256').update(content).digest('hex');
  const name = 'postgresql-16.13.tar.bz2';
  writeFiles(place, {
    [`v16.13/${name}`]: content,
    [`v16.13/${name}.sha256`]: `${digest}  some/path/${name}\n`,
  });
  const good = run('postgres-source/fetch-release', [`file://${place}`, '16.13']);
  assert.is(good.status, 0, good.stderr);
  assert.is(readFileSync(path.join(good.out, 'postgresql.tar.bz2'), 'utf8'), content);
  writeFileSync(path.join(place, 'v16.13', name), 'another');
  const bad = run('postgres-source/fetch-release', [`file://${place}`, '16.13']);
  assert.is.not(bad.status, 0);
  assert.not.ok(existsSync(path.join(bad.out, 'postgresql.tar.bz2')));
  assert.is.not(run('postgres-source/fetch-release', [`file://${place}`, '16.14']).status, 0);
});

const gnupg: string = process.env.GPG || 'gpg';

withProgram('gpg', 'fetch-key: accepts one key with the expected fingerprint, and nothing else', () => {
  const home = tempFolder();
  mkdirSync(path.join(home, 'gpg'), { mode: 0o700 });
  const gpg = (...args: string[]): string => {
    const result = spawnSync(gnupg, ['--homedir', path.join(home, 'gpg'), '--batch', ...args], {
      encoding: 'utf8',
    });
    assert.is(result.status, 0, result.stderr);
    return result.stdout;
  };
  const makeKey = (name: string): string => {
    gpg('--passphrase', '', '--quick-generate-key', name, 'ed25519', 'sign', 'never');
    const found = /^fpr:+([0-9A-F]{40}):/m.exec(gpg('--with-colons', '--list-keys', name));
    return found![1]!;
  };
  const [one, two] = [makeKey('one'), makeKey('two')];
  writeFileSync(path.join(home, 'one.asc'), gpg('--armor', '--export', 'one'));
  writeFileSync(path.join(home, 'both.asc'), gpg('--armor', '--export'));
  assert.is(run('apt/fetch-key', [`file://${home}/one.asc`, one]).status, 0);
  assert.match(run('apt/fetch-key', [`file://${home}/one.asc`, two]).stderr, `expected one, ${two}`);
  assert.is(
    run('apt/fetch-key', [`file://${home}/both.asc`, one]).status,
    1,
    'a file with a second key would add it to the trusted keys',
  );
});

const all = readdirSync(images, { recursive: true, encoding: 'utf8' }).map((name) => path.join(images, name));
const texts = all.filter((file) => !/\.(py|png)$/.test(file) && !isFolder(file));
const shell = texts.filter((file) => readFileSync(file, 'utf8').startsWith('#!/bin/sh\n'));

function isFolder(file: string): boolean {
  return readdirSync(path.dirname(file), { withFileTypes: true }).some(
    (entry) => entry.name === path.basename(file) && entry.isDirectory(),
  );
}

scripts('every script is executable POSIX sh with set -eu and a comment that says what it does', () => {
  assert.ok(shell.length >= 15, `${shell.length} scripts`);
  for (const file of shell) {
    assert.match(
      readFileSync(file, 'utf8'),
      /^#!\/bin\/sh\n# .+\n(#.*\n)*set -eu\n/,
      path.relative(root, file),
    );
    accessSync(file, constants.X_OK);
  }
});

scripts('shellcheck finds no problems', () => {
  const version = spawnSync('shellcheck', ['--version']);
  // Not installed here: CI runs it.
  if (version.error !== undefined) return;
  const result = spawnSync('shellcheck', shell, { encoding: 'utf8' });
  assert.is(result.status, 0, result.stdout);
});

scripts('package lists are sorted and have no duplicates', () => {
  const lists = texts.filter((file) => /^packages(\.|$)/.test(path.basename(file)));
  assert.ok(lists.length >= 6);
  for (const file of lists) {
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    assert.equal(lines, [...new Set(lines)].sort(), path.relative(root, file));
  }
});

scripts('Dockerfiles use no new syntax, and only two scripts call apt-get', () => {
  const dockerfiles = texts.filter((file) => path.basename(file) === 'Dockerfile');
  assert.ok(dockerfiles.length >= 12);
  for (const file of dockerfiles) {
    const content = readFileSync(file, 'utf8');
    assert.not.match(content, /<<|^# *syntax *=/m, path.relative(root, file));
    assert.not.match(content, /apt-get/, path.relative(root, file));
  }
  const callers = shell.filter((file) => /apt-get (install|update)/.test(readFileSync(file, 'utf8')));
  assert.equal(callers.map((file) => path.relative(images, file)).sort(), [
    'apt/install-packages',
    'postgres-source/fetch-debian-source',
  ]);
});

scripts.run();
