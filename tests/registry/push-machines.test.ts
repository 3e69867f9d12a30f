import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dockerRegistry } from '../../src/registry/registry.ts';
import { hasRegistry } from '../support/registry.ts';
import { releaseFilesIn, releaseTags } from '../support/release.ts';
import { actionsOf, emptyEngine, noEngine, releaseTest, succeed } from '../support/release-test.ts';

const test = suite('push from several machines');

if (hasRegistry) {
  const registry = dockerRegistry({}, new AbortController().signal);

  releaseTest(
    test,
    'a repeated release, from the same machine or from one without an engine, does nothing',
    async (fixture) => {
      const { proxy } = fixture;
      const machine = fixture.machine();
      const first = await succeed(machine, ['push', '--release']);
      assert.equal(actionsOf(first).filter((each) => each.endsWith(' upload')).length, 4);
      const released = fixture.releasedTags();
      assert.equal(Object.keys(released), releaseTags);
      assert.is(released['app:latest'], released['app:2'], 'an alias points to the newest version');
      const all = fixture.tags();
      const another = machine.clone();
      for (const [each, env] of [
        [machine, {}],
        [another, noEngine],
      ] as const) {
        proxy.clear();
        const result = await succeed(each, ['push', '--release'], env);
        assert.equal(actionsOf(result), [], 'nothing built, tested, pulled, uploaded');
        assert.is(result.out, first.out);
        assert.match(result.err, /all tags are already up to date/);
        const written = proxy.requests.filter(
          ({ method, path }) => !['GET', 'HEAD'].includes(method) && !path.includes('/blobs/uploads/'),
        );
        assert.equal(written, []);
        // For each of 4 repositories, 2 requests check the permission to push. The others query the manifest and config, the
        // tags and the passes of 4 images.
        assert.ok(proxy.requests.length <= 28, `${proxy.requests.length} requests`);
      }
      assert.equal(fixture.tags(), all);
      const [one, two] = [machine, another].map(({ root }) => releaseFilesIn(root)[0]!);
      const untimed = (image: object): object => ({ ...image, buildMs: 0 });
      assert.equal(
        one!.images.map(untimed),
        two!.images.map(untimed),
        'the release file does not depend on the machine',
      );
    },
  );

  releaseTest(
    test,
    'a passed test counts on all machines, but only for the same image and test',
    async (fixture) => {
      const machine = fixture.machine();
      await succeed(machine, ['push']);
      await emptyEngine();
      const another = machine.clone();
      const pushed = await succeed(another, ['push'], noEngine);
      assert.equal(actionsOf(pushed), []);
      assert.match(pushed.err, /published: 3 new tags|all tags are already up to date/);
      const retested = await succeed(another, ['test', 'app:1', '--from-registry', '--retest']);
      assert.equal(actionsOf(retested), ['app:1 pull', 'app:1 test']);
      writeFileSync(path.join(another.root, 'test.sh'), '#!/bin/sh\n');
      assert.equal(actionsOf(await succeed(another, ['push'])), ['app:1 test', 'app:2 pull', 'app:2 test']);
    },
  );

  releaseTest(
    test,
    'several machines upload parts of a release, and one without an engine publishes it',
    async (fixture) => {
      const machine = fixture.machine();
      await succeed(machine, ['push', '--upload-only', 'app']);
      assert.equal(fixture.releasedTags(), {});
      await emptyEngine();
      const second = machine.clone();
      const result = await succeed(second, ['push', '--upload-only', 'tool']);
      assert.equal(actionsOf(result), ['app:2 pull', 'tool:latest build', 'tool:latest upload']);
      assert.match(result.err, /uploaded; no tags were set\nnext: tasks push {3}#/);
      assert.is(result.out, '');
      const again = await succeed(machine.clone(), ['push', '--release', '--upload-only'], noEngine);
      assert.match(again.err, /next: tasks push --release {3}#/);
      assert.equal(actionsOf(await succeed(machine.clone(), ['push', '--release'], noEngine)), []);
      assert.equal(Object.keys(fixture.releasedTags()), releaseTags);
    },
  );

  releaseTest(
    test,
    'build --from-registry neither builds nor pulls what the registry has',
    async (fixture) => {
      const machine = fixture.machine();
      await succeed(machine, ['push', '--release']);
      await emptyEngine();
      const another = machine.clone();
      const result = await succeed(another, ['build', '--from-registry']);
      assert.equal(actionsOf(result), []);
      const tags = result.out.trim().split('\n');
      assert.is(tags.length, 3);
      for (const tag of tags) assert.ok(await registry.head(tag), `${tag} can be pulled`);
      await fixture.registry.stop();
      another.change('tool', 'changed');
      const offline = await succeed(another, ['build', '--from-registry']);
      assert.is(offline.err.match(/cannot be reached/g)?.length, 1, offline.err);
      assert.match(offline.err, /assuming no images exist/);
      assert.ok(actionsOf(offline).includes('tool:latest build'));
      const pushed = await another.run(['push']);
      assert.is(pushed.code, 3, pushed.err);
      assert.match(pushed.err, /cannot be reached/);
      assert.equal(actionsOf(pushed), []);
    },
  );
} else test.skip('docker-registry is not installed');

test.run();
