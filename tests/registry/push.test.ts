import { execFile } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dockerRegistry } from '../../src/registry/registry.ts';
import { hasRegistry } from '../support/registry.ts';
import { releaseTags } from '../support/release.ts';
import { actionsOf, emptyEngine, noEngine, releaseTest, succeed } from '../support/release-test.ts';

const test = suite('push');

if (hasRegistry) {
  const registry = dockerRegistry({}, new AbortController().signal);

  releaseTest(
    test,
    'a dev push sets tags with the suffix of the run, and content tags for internal images too',
    async (fixture) => {
      const { repo } = fixture;
      const machine = fixture.machine();
      const { out, err } = await succeed(machine, ['push']);
      const suffix = /-dev\d{12}/.exec(out)![0];
      const expected = ['app:1', 'app:2', 'tool:latest'].map((tag) => `${tag}${suffix}`);
      assert.equal(
        out,
        expected.map((tag) => `${repo}/${tag}\n`).join(''),
        'standard output lists the published tags',
      );
      assert.match(err, /published: 3 new tags/);
      const tags = fixture.tags();
      for (const tag of expected) assert.ok(tags[tag], tag);
      assert.equal(Object.keys(fixture.releasedTags()).sort(), expected, 'no alias, no plain tag');
      const kept = Object.keys(tags).filter((tag) => /-k[0-9a-f]{12}$/.test(tag));
      assert.equal(kept.map((tag) => tag.replace(/-k.*/, '')).sort(), [
        'app:1',
        'app:2',
        'base:latest',
        'tool:latest',
      ]);
      const second = await succeed(machine, ['push', '--suffix=-x']);
      assert.equal(actionsOf(second), [], 'a new tag does not need new images');
      assert.is(fixture.tags()['app:1-x'], tags[expected[0]!]);
    },
  );

  releaseTest(
    test,
    'if one image changed, builds only that image and pulls only its base',
    async (fixture) => {
      const machine = fixture.machine();
      await succeed(machine, ['push', '--release']);
      const before = fixture.releasedTags();
      await emptyEngine();
      const another = machine.clone();
      another.change('tool', 'changed');
      const result = await succeed(another, ['push', '--release']);
      assert.equal(actionsOf(result), ['app:2 pull', 'tool:latest build', 'tool:latest upload']);
      const after = fixture.releasedTags();
      assert.is.not(after['tool:latest'], before['tool:latest']);
      assert.equal({ ...after, 'tool:latest': '' }, { ...before, 'tool:latest': '' });
      assert.match(result.err, /published: 1 tag moved/);
    },
  );

  releaseTest(
    test,
    'with a cacheRepo, content tags, journal and passes are there, and published images are complete',
    async (fixture) => {
      const project = { cacheRepo: `${fixture.proxy.host}/team/cache` };
      const machine = fixture.machine(project);
      await succeed(machine, ['push', '--release']);
      const tags = Object.keys(fixture.tags());
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
      const pull = ['pull', '--quiet', `${fixture.repo}/tool:latest`];
      await promisify(execFile)('/usr/bin/docker', pull, { timeout: 60_000 });
      assert.equal(actionsOf(await succeed(machine.clone(), ['push', '--release'], noEngine)), []);
      await succeed(machine.clone(), ['build', '--from-registry'], noEngine);
    },
  );

  releaseTest(test, 'if a test fails, no tag is set and no pass is recorded', async (fixture) => {
    const machine = fixture.machine();
    writeFileSync(path.join(machine.root, 'test.sh'), '#!/bin/sh\necho no; [ "$TASKS_VERSION" = 1 ]\n');
    const { code, err, out } = await machine.run(['push', '--release', '--keep-going']);
    assert.equal([code, out], [1, ''], err);
    assert.match(err, /app:2[^\n]*\n?.*exit code 1/s);
    assert.match(err, /nothing is published: no tags were set\n$/);
    assert.equal(fixture.tags(), {});
    writeFileSync(path.join(machine.root, 'test.sh'), '#!/bin/sh\n');
    await succeed(machine, ['push', '--release']);
    assert.equal(Object.keys(fixture.releasedTags()), releaseTags);
  });

  releaseTest(test, 'if a test cannot run, nothing is built and no tag is set', async (fixture) => {
    const machine = fixture.machine();
    renameSync(path.join(machine.root, 'test.sh'), path.join(machine.root, 'tests.sh'));
    assert.match(
      (await machine.run(['plan'])).out,
      /build +app:1 .*test\.sh does not exist; did you mean tests/,
    );
    for (const command of ['test', 'push']) {
      const { code, err } = await machine.run([command]);
      assert.is(code, 1, err);
      assert.match(err, /✖ app:1 .*the test test\.sh does not exist/);
      assert.equal(actionsOf({ code, out: '', err }), ['app:1 test', 'app:2 test']);
    }
    assert.equal(fixture.tags(), {});
    const continued = await machine.run(['test', '--keep-going']);
    assert.is(continued.code, 1);
    assert.ok(actionsOf(continued).includes('tool:latest build'));
  });

  releaseTest(test, 'a content tag that points to another image is not trusted', async (fixture) => {
    const machine = fixture.machine();
    await succeed(machine, ['push', '--release']);
    const before = fixture.tags();
    const kept = (name: string): string =>
      Object.keys(before).find((tag) => tag.startsWith(name) && /-k[0-9a-f]{12}$/.test(tag))!;
    const other = await registry.manifest(`${fixture.repo}/${kept('app:1-k')}`);
    await registry.put(`${fixture.repo}/${kept('app:2-k')}`, other);
    await emptyEngine();
    const result = await succeed(machine.clone(), ['push', '--release']);
    assert.ok(actionsOf(result).includes('app:2 build'), result.err);
    const after = fixture.releasedTags();
    assert.is.not(after['app:2'], after['app:1']);
    assert.is(fixture.tags()[kept('app:2-k')], after['app:2'], 'the content tag is repaired');
    assert.is(after['app:latest'], after['app:2']);
  });

  releaseTest(
    test,
    'an image that was built for another repository is pushed without a rebuild',
    async (fixture) => {
      const machine = fixture.machine();
      await succeed(machine, ['build', '--repo', 'elsewhere']);
      const result = await succeed(machine, ['push', '--release']);
      assert.equal(
        actionsOf(result).filter((each) => / (build|pull)$/.test(each)),
        [],
      );
      assert.equal(Object.keys(fixture.releasedTags()), releaseTags);
    },
  );
} else test.skip('docker-registry is not installed');

test.run();
