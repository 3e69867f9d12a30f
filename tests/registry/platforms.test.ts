import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dockerRegistry } from '../../src/registry/registry.ts';
import type { ReleasedImage } from '../../src/release/release-file.ts';
import { connectTestEngine } from '../support/docker.ts';
import { hasRegistry } from '../support/registry.ts';
import { otherPlatform, ownPlatform, releaseFilesIn, releaseTags, twoPlatforms } from '../support/release.ts';
import { actionsOf, emptyEngine, noEngine, releaseTest, succeed } from '../support/release-test.ts';

const test = suite('releases for several platforms');
const platforms = twoPlatforms;
const architectureOf = (platform: string): string => platform.split('/')[1]!;
const release = ['push', '--release'];

interface Index {
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform: { readonly architecture: string };
  }[];
}

if (hasRegistry) {
  const registry = dockerRegistry({}, new AbortController().signal);
  const indexAt = async (name: string): Promise<Index> =>
    JSON.parse((await registry.manifest(name)).body.toString('utf8')) as Index;

  releaseTest(
    test,
    'tags and aliases point to indexes; a push with nothing to do writes nothing, with and without an engine',
    async (fixture) => {
      const machine = fixture.machine();
      const first = await succeed(machine, release);
      const tags = fixture.releasedTags();
      assert.equal(Object.keys(tags), releaseTags);
      assert.is(tags['app:latest'], tags['app:2']);
      for (const tag of releaseTags) {
        const { manifests } = await indexAt(`${fixture.repo}/${tag}`);
        assert.equal(
          manifests.map(({ platform }) => platform.architecture).sort(),
          platforms.map(architectureOf).sort(),
        );
        for (const { digest } of manifests)
          assert.ok(Object.values(fixture.tags()).includes(digest), 'each image has its content tag');
      }
      const all = fixture.tags();
      for (const [each, env] of [
        [machine, {}],
        [machine.clone(), noEngine],
      ] as const) {
        const again = await succeed(each, release, env);
        assert.equal(actionsOf(again), []);
        assert.is(again.out, first.out);
        assert.match(again.err, /all tags are already up to date/);
      }
      assert.equal(fixture.tags(), all);
      const [file] = releaseFilesIn(machine.root);
      const app = file!.images.find((each) => (each as ReleasedImage).task === 'app:2') as ReleasedImage;
      assert.equal([app.digest, app.platform, app.key, app.imageId], [tags['app:2'], null, null, null]);
      const members = (await indexAt(`${fixture.repo}/app:2`)).manifests.map(({ digest }) => digest);
      assert.equal(
        Object.values(app.platforms)
          .map(({ digest }) => digest)
          .sort(),
        members.sort(),
      );
    },
    { platforms },
  );

  releaseTest(
    test,
    'machines upload one platform each; any machine then publishes all, and builds nothing',
    async (fixture) => {
      const one = fixture.machine();
      const upload = (platform: string): string[] => [...release, '--upload-only', `*@${platform}`];
      const refused = await one.run([...release, `*@${otherPlatform}`]);
      assert.is(refused.code, 2);
      assert.match(
        refused.err,
        new RegExp(`a push publishes all platforms of \\S+, but \\S+@${ownPlatform} is not selected`),
      );
      assert.match(refused.err, /--upload-only/);
      await succeed(one, upload(otherPlatform));
      assert.equal(fixture.releasedTags(), {});
      await emptyEngine();
      const two = one.clone();
      await succeed(two, upload(ownPlatform));
      assert.equal(fixture.releasedTags(), {});
      const merged = await succeed(one.clone(), release, noEngine);
      assert.equal(actionsOf(merged), []);
      assert.equal(Object.keys(fixture.releasedTags()), releaseTags);
      assert.match(merged.err, /published: 4 new tags/);
      const again = await succeed(one, [...upload(otherPlatform), '--json']);
      assert.not.match(again.out, /"retag"/, 'it sets no tags');
    },
    { platforms },
  );

  releaseTest(
    test,
    'docker pulls the image of each platform; verify checks the images in the indexes',
    async (fixture) => {
      const machine = fixture.machine();
      await succeed(machine, release);
      await emptyEngine();
      const api = await connectTestEngine();
      for (const platform of platforms) {
        const name = `${fixture.registry.host}/team/app`;
        const query = new URLSearchParams({ fromImage: name, tag: '1', platform });
        await api.request({ method: 'POST', path: `/images/create?${query}` });
        const shown = await api.get(`/images/${name}:1/json`);
        const { Architecture } = JSON.parse(shown.body.toString()) as { Architecture: string };
        assert.is(Architecture, architectureOf(platform));
      }
      const [file] = await import('node:fs').then(({ readdirSync }) =>
        readdirSync(`${machine.root}/.cache/releases`),
      );
      const verified = await succeed(machine, ['verify', `.cache/releases/${file}`, '--verbose']);
      // Of each of 3 versions: the index, two images, a tag; and one alias.
      assert.match(verified.out, /3 images, 13 names: as released/);
    },
    { platforms },
  );

  releaseTest(
    test,
    'a platform that is added later rebuilds nothing of the first one, also from a cache repository',
    async (fixture) => {
      const machine = fixture.machine({ cacheRepo: `${fixture.repo}/cache` });
      machine.setPlatforms([ownPlatform]);
      await succeed(machine, release);
      const before = fixture.releasedTags();
      machine.setPlatforms(platforms);
      const wider = await succeed(machine, release);
      assert.ok(
        actionsOf(wider).every((each) => !new RegExp(`@${ownPlatform} (build|upload|test)`).test(each)),
        actionsOf(wider).join('\n'),
      );
      for (const tag of releaseTags) {
        const { manifests } = await indexAt(`${fixture.repo}/${tag}`);
        const own = manifests.find(({ platform }) => platform.architecture === architectureOf(ownPlatform));
        assert.is(own?.digest, before[tag], 'the image that was released before');
      }
      machine.setPlatforms([ownPlatform]);
      await succeed(machine, release);
      assert.equal(fixture.releasedTags(), before, 'a single platform is a plain image again');
    },
  );
} else test.skip('docker-registry is not installed');

test.run();
