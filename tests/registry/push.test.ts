import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dockerRegistry } from '../../src/registry/registry.ts';
import type { CliResult } from '../support/cli.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { hasRegistry, type RegistryOptions } from '../support/registry.ts';
import {
  type Machine,
  openReleaseFixture,
  type ReleaseFixture,
  releaseLabel,
  releaseTags,
} from '../support/release.ts';
import { assertValid, parseEvents } from '../support/schemas.ts';

const test = suite('push');

/** Of a machine that has no engine. */
const noEngine = { DOCKER_HOST: 'unix:///nowhere/docker.sock' };

if (hasRegistry) {
  /** Runs with a registry of its own, and an engine that has nothing of ours. */
  const at = (
    name: string,
    act: (site: ReleaseFixture) => Promise<void>,
    options: RegistryOptions = {},
  ): void =>
    test(name, async () => {
      const api = await connectTestEngine();
      const site = await openReleaseFixture(options);
      try {
        await act(site);
      } finally {
        await removeImages(api, releaseLabel);
        await site.stop();
      }
    });
  const emptyEngine = async (): Promise<void> => await removeImages(await connectTestEngine(), releaseLabel);
  const ok = async (machine: Machine, args: readonly string[], env = {}): Promise<CliResult> => {
    const ran = await machine.run(args, env);
    assert.is(ran.code, 0, `${args.join(' ')}:\n${ran.err}`);
    return ran;
  };
  const registry = dockerRegistry({}, new AbortController().signal);

  at('a dev push: tags with the suffix of the run; content tags, of what is internal too', async (site) => {
    const { repo } = site;
    const machine = site.machine();
    const { out, err } = await ok(machine, ['push']);
    const suffix = /-dev\d{12}/.exec(out)![0];
    const expected = ['app:1', 'app:2', 'tool:latest'].map((tag) => `${tag}${suffix}`);
    assert.equal(
      out,
      expected.map((tag) => `${repo}/${tag}\n`).join(''),
      'what was published, on standard output',
    );
    assert.match(err, /published: 3 new tags/);
    const tags = site.tags();
    for (const tag of expected) assert.ok(tags[tag], tag);
    assert.equal(Object.keys(site.releasedTags()).sort(), expected, 'no alias, no plain tag');
    const kept = Object.keys(tags).filter((tag) => /-k[0-9a-f]{12}$/.test(tag));
    assert.equal(kept.map((tag) => tag.replace(/-k.*/, '')).sort(), [
      'app:1',
      'app:2',
      'base:latest',
      'tool:latest',
    ]);
    const again = await ok(machine, ['push', '--suffix=-x']);
    assert.equal(actions(again), [], 'a new tag does not mean new images');
    assert.is(site.tags()['app:1-x'], tags[expected[0]!]);
  });

  at('a release again, from a machine that has nothing and no engine: nothing is done', async (site) => {
    const { proxy } = site;
    const machine = site.machine();
    const first = await ok(machine, ['push', '--release']);
    assert.equal(actions(first).filter((each) => each.endsWith(' upload')).length, 4);
    const released = site.releasedTags();
    assert.equal(Object.keys(released), releaseTags);
    assert.is(released['app:latest'], released['app:2'], 'an alias stands at the newest');
    const all = site.tags();
    const another = machine.clone();
    for (const [who, env] of [
      [machine, {}],
      [another, noEngine],
    ] as const) {
      proxy.clear();
      const ran = await ok(who, ['push', '--release'], env);
      assert.equal(actions(ran), [], 'nothing built, tested, pulled, uploaded');
      assert.is(ran.out, first.out);
      assert.match(ran.err, /all tags point right already/);
      const written = proxy.requests.filter(
        ({ method, path }) => !['GET', 'HEAD'].includes(method) && !path.includes('/blobs/uploads/'),
      );
      assert.equal(written, []);
      // Of 4 repositories: may we push there (2 each)? Of 4 images: manifest and config, where each tag points, what passed.
      assert.ok(proxy.requests.length <= 28, `${proxy.requests.length} requests`);
    }
    assert.equal(site.tags(), all);
    const [one, two] = [machine, another].map(({ root }) => releaseFiles(root)[0]!);
    const untimed = (image: object): object => ({ ...image, buildMs: 0 });
    assert.equal(one!.images.map(untimed), two!.images.map(untimed), 'the same, whoever released');
  });

  at('one image changed: it alone is built, and what it stands on alone is pulled', async (site) => {
    const machine = site.machine();
    await ok(machine, ['push', '--release']);
    const before = site.releasedTags();
    await emptyEngine();
    const another = machine.clone();
    another.change('tool', 'changed');
    const ran = await ok(another, ['push', '--release']);
    assert.equal(actions(ran), ['app:2 pull', 'tool:latest build', 'tool:latest upload']);
    const after = site.releasedTags();
    assert.is.not(after['tool:latest'], before['tool:latest']);
    assert.equal({ ...after, 'tool:latest': '' }, { ...before, 'tool:latest': '' });
    assert.match(ran.err, /published: 1 tag moved/);
  });

  at(
    'a cacheRepo keeps all content tags, the journal and the passes; published images are whole',
    async (site) => {
      const project = { cacheRepo: `${site.proxy.host}/team/cache` };
      const machine = site.machine(project);
      await ok(machine, ['push', '--release']);
      const tags = Object.keys(site.tags());
      assert.equal(
        tags.filter((tag) => !tag.startsWith('cache:')),
        releaseTags,
      );
      assert.equal(
        tags.map((tag) => tag.replace(/-[kt][0-9a-f]{12}|-[0-9a-f]{8}(?=$|-)/g, '')),
        [
          'app:1',
          'app:2',
          'app:latest',
          'cache:app-1',
          'cache:app-1',
          'cache:app-2',
          'cache:app-2',
          'cache:base-latest',
          'cache:project',
          'cache:release-journal',
          'cache:release-journal-probe',
          'cache:tool-latest',
          'tool:latest',
        ],
      );
      await emptyEngine();
      const pull = ['pull', '--quiet', `${site.repo}/tool:latest`];
      await promisify(execFile)('/usr/bin/docker', pull, { timeout: 60_000 });
      assert.equal(actions(await ok(machine.clone(), ['push', '--release'], noEngine)), []);
      await ok(machine.clone(), ['build', '--from-registry'], noEngine);
    },
  );

  at('a test that fails: no tag is set, and no pass is kept', async (site) => {
    const machine = site.machine();
    writeFileSync(path.join(machine.root, 'test.sh'), '#!/bin/sh\necho no; [ "$TASKS_VERSION" = 1 ]\n');
    const { code, err, out } = await machine.run(['push', '--release', '--keep-going']);
    assert.equal([code, out], [1, ''], err);
    assert.match(err, /app:2[^\n]*\n?.*exit code 1/s);
    assert.match(err, /nothing is published: no tag was set\n$/);
    assert.equal(site.tags(), {});
    writeFileSync(path.join(machine.root, 'test.sh'), '#!/bin/sh\n');
    await ok(machine, ['push', '--release']);
    assert.equal(Object.keys(site.releasedTags()), releaseTags);
  });

  at('a test that passed counts on every machine, for the same image and test only', async (site) => {
    const machine = site.machine();
    await ok(machine, ['push']);
    await emptyEngine();
    const another = machine.clone();
    const known = await ok(another, ['push'], noEngine);
    assert.equal(actions(known), []);
    assert.match(known.err, /published: 3 new tags|all tags point right already/);
    const again = await ok(another, ['test', 'app:1', '--from-registry', '--retest']);
    assert.equal(actions(again), ['app:1 pull', 'app:1 test']);
    writeFileSync(path.join(another.root, 'test.sh'), '#!/bin/sh\n');
    assert.equal(actions(await ok(another, ['push'])), ['app:1 test', 'app:2 pull', 'app:2 test']);
  });

  at('machines share the work: each uploads a part, one without an engine releases', async (site) => {
    const machine = site.machine();
    await ok(machine, ['push', '--upload-only', 'app']);
    assert.equal(site.releasedTags(), {});
    await emptyEngine();
    const second = machine.clone();
    const ran = await ok(second, ['push', '--upload-only', 'tool']);
    assert.equal(actions(ran), ['app:2 pull', 'tool:latest build', 'tool:latest upload']);
    assert.match(ran.err, /uploaded; no tag was set/);
    assert.is(ran.out, '');
    assert.equal(actions(await ok(machine.clone(), ['push', '--release'], noEngine)), []);
    assert.equal(Object.keys(site.releasedTags()), releaseTags);
  });

  at('--dry-run says what would be done and writes nothing', async (site) => {
    const machine = site.machine();
    const look = async (): Promise<CliResult> => {
      const before = contents(site.registry.folder);
      const ran = await ok(machine, ['push', '--release', '--dry-run']);
      assert.equal(contents(site.registry.folder), before);
      assert.not.ok(site.proxy.requests.some(({ method }) => !['GET', 'HEAD'].includes(method)));
      site.proxy.clear();
      return ran;
    };
    assert.match((await look()).out, /build +app:1/);
    await ok(machine, ['push']);
    site.proxy.clear();
    const { out } = await look();
    assert.match(out, /retag +app:1 +the registry has it, but tags are missing there/);
    assert.match(out, /retag +tool:latest/);
  });

  at('--strict refuses a release that cannot be made again, before anything is built', async (site) => {
    const machine = site.machine();
    const git = (...args: string[]): void => {
      const who = ['-c', 'user.name=x', '-c', 'user.email=x@y'];
      execFileSync('git', ['-C', machine.root, ...who, ...args], { stdio: 'pipe' });
    };
    const refused = async (why: RegExp): Promise<void> => {
      const { code, err } = await machine.run(['push', '--release', '--strict']);
      assert.is(code, 1);
      assert.match(err, why);
      assert.match(err, /hint: commit what changed/);
      assert.not.match(err, /▸/);
      assert.equal(site.tags(), {});
    };
    await refused(/the project is not in a git repository that has a commit/);
    git('init', '--quiet');
    writeFileSync(path.join(machine.root, '.gitignore'), '.cache\n');
    const commit = (): void => {
      git('add', '.');
      git('commit', '--quiet', '--message', 'x');
    };
    commit();
    machine.change('tool', 'changed');
    await refused(/the git tree has changes that are in no commit/);
    commit();
    await ok(machine, ['push', '--release', '--strict']);
    const [release] = releaseFiles(machine.root);
    assert.is(release!.git.dirty, false);
    assert.match(release!.git.commit, /^[0-9a-f]{40}$/);
  });

  at('verify holds the registry against a release file', async (site) => {
    const machine = site.machine();
    await ok(machine, ['push', '--release', '--output', 'release.json']);
    assert.match((await ok(machine, ['verify', 'release.json'])).out, /3 images, 7 names: as released at/);
    const { images } = JSON.parse(readFileSync(path.join(machine.root, 'release.json'), 'utf8'));
    const [app1, app2] = images as { task: string; image: string; digest: string }[];
    await registry.put(`${site.repo}/app:1`, await registry.manifest(app2!.image));
    const moved = await machine.run(['verify', 'release.json']);
    assert.is(moved.code, 1);
    assert.match(
      moved.out,
      new RegExp(`differs +${site.repo}/app:1 +${app2!.digest} instead of ${app1!.digest}`),
    );
    writeFileSync(path.join(machine.root, 'wrong.json'), '{}');
    for (const [file, why] of [
      ['wrong.json', /is no release file: schema is undefined, expected 1/],
      ['none.json', /cannot read the release file/],
    ] as const) {
      const { code, err } = await machine.run(['verify', file]);
      assert.is(code, 2);
      assert.match(err, why);
    }
    const mended = await ok(machine, ['push', '--release']);
    assert.match(mended.err, /published: 1 tag moved/);
    await ok(machine, ['verify', 'release.json']);
  });

  at('a content tag that somebody put another image on is not trusted', async (site) => {
    const machine = site.machine();
    await ok(machine, ['push', '--release']);
    const before = site.tags();
    const kept = (name: string): string =>
      Object.keys(before).find((tag) => tag.startsWith(name) && /-k[0-9a-f]{12}$/.test(tag))!;
    const other = await registry.manifest(`${site.repo}/${kept('app:1-k')}`);
    await registry.put(`${site.repo}/${kept('app:2-k')}`, other);
    await emptyEngine();
    const ran = await ok(machine.clone(), ['push', '--release']);
    assert.ok(actions(ran).includes('app:2 build'), ran.err);
    const after = site.releasedTags();
    assert.is.not(after['app:2'], after['app:1']);
    assert.is(site.tags()[kept('app:2-k')], after['app:2'], 'it is put right');
    assert.is(after['app:latest'], after['app:2']);
  });

  at('build --from-registry builds and pulls nothing that the registry has', async (site) => {
    const machine = site.machine();
    await ok(machine, ['push', '--release']);
    await emptyEngine();
    const another = machine.clone();
    const ran = await ok(another, ['build', '--from-registry']);
    assert.equal(actions(ran), []);
    const tags = ran.out.trim().split('\n');
    assert.is(tags.length, 3);
    for (const tag of tags) assert.ok(await registry.head(tag), `${tag} can be pulled`);
    await site.registry.stop();
    another.change('tool', 'changed');
    const alone = await ok(another, ['build', '--from-registry']);
    assert.is(alone.err.match(/cannot be reached/g)?.length, 1, alone.err);
    assert.match(alone.err, /its images count as not there/);
    assert.ok(actions(alone).includes('tool:latest build'));
    const pushed = await another.run(['push']);
    assert.is(pushed.code, 3, pushed.err);
    assert.match(pushed.err, /cannot be reached/);
    assert.equal(actions(pushed), []);
  });

  at('what was built for another repository is pushed as it is', async (site) => {
    const machine = site.machine();
    await ok(machine, ['build', '--repo', 'elsewhere']);
    const ran = await ok(machine, ['push', '--release']);
    assert.equal(
      actions(ran).filter((each) => / (build|pull)$/.test(each)),
      [],
    );
    assert.equal(Object.keys(site.releasedTags()), releaseTags);
  });

  interface Event {
    readonly type: string;
    readonly time: string;
    readonly phase?: string;
    readonly id?: string;
    readonly ok?: boolean;
    readonly tasks?: readonly { readonly id: string }[];
    readonly counts?: Readonly<Record<string, number>>;
  }

  /** One run, its phases one after the other, the events of tasks within them, and each task of the plan counted once. */
  const checkRun = (out: string, phases: readonly string[]): Event[] => {
    const events = parseEvents(out) as unknown as Event[];
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

  at('--json: one run with its phases, and each task counted once', async (site) => {
    const machine = site.machine();
    const all = ['build', 'test', 'upload', 'publish'];
    const events = checkRun((await ok(machine, ['push', '--release', '--json'])).out, all);
    const published = events.filter(({ type, phase }) => type === 'task-finished' && phase === 'publish');
    assert.ok(published.length > 0 && published.every((event) => 'tags' in event));
    assert.ok(events.at(-1)!.counts!.built! > 0);
    // Again, and on a machine that has nothing: everything is in the registry.
    for (const each of [machine, site.machine()])
      checkRun((await ok(each, ['push', '--release', '--json'])).out, all);
    checkRun((await ok(machine, ['push', '--upload-only', '--json'])).out, all.slice(0, 3));
    checkRun((await ok(machine, ['test', '--json'])).out, all.slice(0, 2));
    checkRun((await ok(machine, ['build', '--json'])).out, all.slice(0, 1));
  });
} else test.skip('docker-registry is not installed');

test.run();

/** What was done, in order: `app:1 build`. */
function actions({ err }: CliResult): string[] {
  return [...err.matchAll(/^▸ (\S+) +(\w+)/gm)].map(([, id, action]) => `${id} ${action}`).sort();
}

interface Release {
  readonly git: { commit: string; dirty: boolean };
  readonly images: readonly object[];
}

/** The newest first. */
function releaseFiles(root: string): Release[] {
  const folder = path.join(root, '.cache/releases');
  const files = readdirSync(folder).sort().reverse();
  const releases = files.map((file) => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Release);
  for (const release of releases) assertValid('release', release);
  return releases;
}

/** Every file of a registry, by its content. */
function contents(folder: string): Record<string, string> {
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
