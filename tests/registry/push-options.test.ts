import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dockerRegistry } from '../../src/registry/registry.ts';
import type { CliResult } from '../support/cli.ts';
import { hasRegistry } from '../support/registry.ts';
import { releaseFilesIn } from '../support/release.ts';
import { releaseTest, succeed } from '../support/release-test.ts';

const test = suite('options of push, and verify');

if (hasRegistry) {
  const registry = dockerRegistry({}, new AbortController().signal);

  releaseTest(test, '--dry-run prints what would be done and writes nothing', async (fixture) => {
    const machine = fixture.machine();
    const dryRun = async (): Promise<CliResult> => {
      const before = filesIn(fixture.registry.folder);
      const result = await succeed(machine, ['push', '--release', '--dry-run']);
      assert.equal(filesIn(fixture.registry.folder), before);
      assert.not.ok(fixture.proxy.requests.some(({ method }) => !['GET', 'HEAD'].includes(method)));
      fixture.proxy.clear();
      return result;
    };
    assert.match((await dryRun()).out, /build +app:1/);
    await succeed(machine, ['push']);
    fixture.proxy.clear();
    const { out } = await dryRun();
    assert.match(out, /retag +app:1 +the registry has it, but tags are missing there/);
    assert.match(out, /retag +tool:latest/);
  });

  releaseTest(
    test,
    'a push says what it does with selected tasks that it does not publish',
    async (fixture) => {
      const machine = fixture.machine();
      const internal =
        /^not published: base:latest \(publish: false; uploaded without tags, for the images that need it\)$/m;
      const dry = await succeed(machine, ['push', '--dry-run', 'base']);
      assert.match(dry.err, internal);
      assert.not.match(dry.out, /tags that would be set/);
      const alone = await succeed(machine, ['push', 'base']);
      assert.match(alone.err, internal);
      assert.match(alone.err, /^no tags to set: no selected task is published$/m);
      assert.match((await succeed(machine, ['push', 'base', 'app:1'])).err, internal);
      assert.not.match((await succeed(machine, ['push'])).err, /not published/);
    },
  );

  releaseTest(
    test,
    '--strict rejects a release that is not reproducible before anything is built',
    async (fixture) => {
      const machine = fixture.machine();
      const git = (...args: string[]): void => {
        const author = ['-c', 'user.name=x', '-c', 'user.email=x@y'];
        execFileSync('git', ['-C', machine.root, ...author, ...args], { stdio: 'pipe' });
      };
      const expectRejected = async (why: RegExp): Promise<void> => {
        const { code, err } = await machine.run(['push', '--release', '--strict']);
        assert.is(code, 1);
        assert.match(err, why);
        assert.match(err, /hint: commit your changes/);
        assert.not.match(err, /▸/);
        assert.equal(fixture.tags(), {});
      };
      await expectRejected(/the project is not in a git repository with a commit/);
      git('init', '--quiet');
      writeFileSync(path.join(machine.root, '.gitignore'), '.cache\n');
      const commit = (): void => {
        git('add', '.');
        git('commit', '--quiet', '--message', 'x');
      };
      commit();
      machine.change('tool', 'changed');
      await expectRejected(/the git tree has uncommitted changes/);
      commit();
      await succeed(machine, ['push', '--release', '--strict']);
      const [release] = releaseFilesIn(machine.root);
      assert.is(release!.git.dirty, false);
      assert.match(release!.git.commit, /^[0-9a-f]{40}$/);
    },
  );

  releaseTest(test, 'verify checks the registry against a release file', async (fixture) => {
    const machine = fixture.machine();
    await succeed(machine, ['push', '--release', '--output', 'release.json']);
    assert.match(
      (await succeed(machine, ['verify', 'release.json'])).out,
      /3 images, 7 names: as released at/,
    );
    const { images } = JSON.parse(readFileSync(path.join(machine.root, 'release.json'), 'utf8'));
    const [app1, app2] = images as { task: string; image: string; digest: string }[];
    await registry.put(`${fixture.repo}/app:1`, await registry.manifest(app2!.image));
    const moved = await machine.run(['verify', 'release.json']);
    assert.is(moved.code, 1);
    assert.match(
      moved.out,
      new RegExp(`differs +${fixture.repo}/app:1 +${app2!.digest} instead of ${app1!.digest}`),
    );
    writeFileSync(path.join(machine.root, 'wrong.json'), '{}');
    for (const [file, why] of [
      ['wrong.json', /is not a release file: schema is undefined, expected 1/],
      ['none.json', /cannot read the release file/],
    ] as const) {
      const { code, err } = await machine.run(['verify', file]);
      assert.is(code, 2);
      assert.match(err, why);
    }
    const repaired = await succeed(machine, ['push', '--release']);
    assert.match(repaired.err, /published: 1 tag moved/);
    await succeed(machine, ['verify', 'release.json']);
  });

  releaseTest(test, '--json prints one run with its phases, and counts each task once', async (fixture) => {
    const machine = fixture.machine();
    const all = ['build', 'test', 'upload', 'publish'];
    const events = checkRun((await succeed(machine, ['push', '--release', '--json'])).out, all);
    const published = events.filter(({ type, phase }) => type === 'task-finished' && phase === 'publish');
    assert.ok(published.length > 0 && published.every((event) => 'tags' in event));
    assert.ok(events.at(-1)!.counts!.built! > 0);
    // Again, and on a machine that has nothing: everything is in the registry.
    for (const each of [machine, fixture.machine()])
      checkRun((await succeed(each, ['push', '--release', '--json'])).out, all);
    checkRun((await succeed(machine, ['push', '--upload-only', '--json'])).out, all.slice(0, 3));
    checkRun((await succeed(machine, ['test', '--json'])).out, all.slice(0, 2));
    checkRun((await succeed(machine, ['build', '--json'])).out, all.slice(0, 1));
  });
} else test.skip('docker-registry is not installed');

test.run();

interface Event {
  readonly type: string;
  readonly time: string;
  readonly phase?: string;
  readonly id?: string;
  readonly ok?: boolean;
  readonly tasks?: readonly { readonly id: string }[];
  readonly counts?: Readonly<Record<string, number>>;
}

/** Checks that the output is one run with these phases, that task events are inside phases, and that each task counts once. */
const checkRun = (out: string, phases: readonly string[]): Event[] => {
  const events = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
  assert.ok(events.every(({ type, time }) => type && !Number.isNaN(Date.parse(time))));
  const [first, last] = [events[0]!, events.at(-1)!];
  assert.equal([first.type, last.type, last.ok], ['run-started', 'run-finished', true]);
  assert.is(events.filter(({ type }) => type.startsWith('run-')).length, 2);
  const found: string[] = [];
  let open: { phase: string; running: Set<string> } | undefined;
  for (const { type, phase, id } of events.slice(1, -1)) {
    if (type === 'phase-started') {
      assert.is(open, undefined, `${phase} starts inside of another phase`);
      open = { phase: phase!, running: new Set() };
      found.push(phase!);
      continue;
    }
    assert.is(phase, open?.phase, type);
    if (type === 'task-started') open!.running.add(id!);
    if (type === 'task-finished') open!.running.delete(id!);
    if (type !== 'phase-finished') continue;
    assert.is(open!.running.size, 0, `${[...open!.running]} did not finish`);
    open = undefined;
  }
  assert.equal(found, phases);
  const counted = Object.values(last.counts!).reduce((sum, count) => sum + count, 0);
  assert.is(counted, first.tasks!.length);
  return events;
};

/** Returns the digest of each file in a registry. */
function filesIn(folder: string): Record<string, string> {
  const data = path.join(folder, 'data');
  if (!existsSync(data)) return {};
  const all = readdirSync(data, { recursive: true, withFileTypes: true });
  const files = all
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.join(parentPath, name));
  return Object.fromEntries(
    files.sort().map((file) => [file, createHash('sha256').update(readFileSync(file)).digest('hex')]),
  );
}
