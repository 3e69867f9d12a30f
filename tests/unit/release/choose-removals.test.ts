import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keyLabel, needsLabel, taskLabel } from '../../../src/model/labels.ts';
import type { RemoteContents } from '../../../src/model/registry.ts';
import { chooseRemovals, type Removal } from '../../../src/release/choose-removals.ts';
import type { Inventory, ListedTag } from '../../../src/release/ownership.ts';
import { inRemovalOrder } from '../../../src/release/remove-tags.ts';

const test = suite('choosing tags to remove');

const day = 86_400_000;
const now = new Date(Date.UTC(2026, 10, 24, 12));
const [app, base] = ['h:1/t/app', 'h:1/t/base'];
const digestOf = (text: string): string => `sha256:${Buffer.from(text).toString('hex').padStart(64, '0')}`;
const keyOf = (letter: string): string => letter.repeat(64);
const k = (letter: string): string => `-k${letter.repeat(12)}`;
const pass = `-t${'9'.repeat(12)}`;

interface ImageOptions {
  readonly task?: string;
  readonly key?: string;
  readonly days?: number;
  readonly needs?: Readonly<Record<string, string>>;
  readonly names?: readonly string[];
  readonly created?: number | undefined;
}

function imageOf(digest: string, options: ImageOptions = {}): RemoteContents {
  const { task = 'app:1', key = keyOf('a'), days = 60, needs = {}, names = [] } = options;
  const created = 'created' in options ? options.created : now.getTime() - days * day;
  const labels = { [keyLabel]: key, [taskLabel]: task, [needsLabel]: JSON.stringify(needs) };
  const ids = [`config-of-${digest}`, digest];
  return {
    digest,
    manifestDigests: names,
    images: [
      {
        digest,
        manifest: { mediaType: 'm', digest, size: 1 },
        ids,
        labels,
        bytes: 1,
        ...(created ? { created } : {}),
      },
    ],
  };
}

function choose(
  tags: Readonly<Record<string, string | undefined>>,
  contents: readonly RemoteContents[],
  more: Partial<Inventory> = {},
): Removal[] {
  const listed = Object.entries(tags).map(([name, digest]): ListedTag => {
    const colon = name.lastIndexOf(':');
    return { repository: name.slice(0, colon), tag: name.slice(colon + 1), ...(digest ? { digest } : {}) };
  });
  return chooseRemovals({
    tags: listed,
    contents: new Map(contents.map((each) => [each.digest, each])),
    naming: { repo: 'h:1/t', suffix: '', timed: false },
    names: new Set(['app', 'base']),
    named: new Set(),
    pinned: new Set(),
    now,
    ...more,
  });
}

/** Returns each removed tag, `repo:tag`, and whether its image is removed too. */
const removed = (...args: Parameters<typeof choose>): [string, boolean][] =>
  choose(...args).flatMap(({ repository, tags, whole }) =>
    tags.map(({ tag }): [string, boolean] => [`${repository.slice('h:1/t/'.length)}:${tag}`, whole]),
  );

const [one, two, three] = ['one', 'two', 'three'].map(digestOf) as [string, string, string];

test('removes dev tags by the time in them, with the image if nothing else refers to it', () => {
  const at = (time: string): string => `${app}:1-dev${time}`;
  const tags = { [at('202611101159')]: one, [at('202611101201')]: two, [at('202613101159')]: three };
  assert.equal(removed(tags, [imageOf(one), imageOf(two), imageOf(three)]), [
    ['app:1-dev202611101159', true],
  ]);
  assert.equal(removed({ [at('202602310000')]: one }, [imageOf(one)]), [], 'there is no such day');
  assert.equal(
    removed({ [at('202601010000')]: one }, [imageOf(one, { task: 'other:1' })]),
    [],
    'not made by us',
  );
  assert.equal(removed({ [at('202601010000')]: undefined }, []), [], 'cannot be read');
});

test('keeps the image of a dev tag if another tag, an index, a signature or a release file refers to it', () => {
  const dev = `${app}:1-dev202601010000`;
  const alone = [['app:1-dev202601010000', false]];
  const image = imageOf(one);
  assert.equal(removed({ [dev]: one, [`${app}:1`]: one }, [image]), alone);
  assert.equal(removed({ [dev]: one, [`${app}:1${k('a')}`]: one }, [imageOf(one, { days: 20 })]), alone);
  assert.equal(
    removed({ [dev]: one, [`${app}:all`]: two }, [
      image,
      { digest: two, manifestDigests: [one], images: [] },
    ]),
    alone,
  );
  assert.equal(removed({ [dev]: one, [`${app}:${one.replace(':', '-')}.sig`]: three }, [image]), alone);
  assert.equal(removed({ [dev]: one }, [image], { pinned: new Set([one]) }), alone);
});

test('removes content tags by age, with their passes, unless the definitions or another tag use them', () => {
  const [content, its] = [`${app}:1${k('a')}`, `${app}:1${k('a')}${pass}`];
  const tags = { [content]: one, [its]: one };
  const both = [
    [`app:1${k('a')}`, true],
    [`app:1${k('a')}${pass}`, true],
  ];
  assert.equal(removed(tags, [imageOf(one)]), both);
  assert.equal(removed(tags, [imageOf(one, { days: 29 })]), []);
  assert.equal(removed(tags, [imageOf(one, { created: undefined })]), [], 'unknown age');
  assert.equal(removed(tags, [imageOf(one)], { named: new Set([content]) }), []);
  for (const other of ['1', 'latest', 'mine', '1-dev202611240000'])
    assert.equal(removed({ ...tags, [`${app}:${other}`]: one }, [imageOf(one)]), [], other);
  assert.equal(removed({ ...tags, [`${base}:1`]: one }, [imageOf(one)]), [], 'in another repository');
  assert.equal(
    removed({ [content]: one }, [imageOf(one, { key: keyOf('b') })]),
    [],
    'another key than in the tag',
  );
  assert.equal(removed({ [content]: one }, [imageOf(one, { task: 'app:2' })]), [], 'another version');
});

test('keeps a release whose version looks like a content tag', () => {
  const tag = `${app}:2${k('b')}`;
  assert.equal(removed({ [tag]: one }, [imageOf(one, { task: `app:2${k('b')}`, key: keyOf('a') })]), []);
});

test('removes a pass whose content tag does not exist, and keeps it otherwise', () => {
  const its = `${app}:1${k('a')}${pass}`;
  assert.equal(removed({ [its]: one }, [imageOf(one)]), [[`app:1${k('a')}${pass}`, true]]);
  const young = { [`${app}:1${k('a')}`]: two, [its]: one };
  assert.equal(removed(young, [imageOf(one), imageOf(two, { days: 1 })]), []);
});

test('keeps all direct and indirect needs of a kept image, found by any of their ids', () => {
  const tags = { [`${base}:1${k('a')}`]: one, [`${app}:1${k('b')}`]: two, [`${app}:1${k('c')}`]: three };
  const made = (days: number): RemoteContents[] => [
    imageOf(one, { task: 'base:1' }),
    imageOf(two, { key: keyOf('b'), needs: { 'base:1': `config-of-${one}` } }),
    imageOf(three, { key: keyOf('c'), days, needs: { 'app:1': two } }),
  ];
  assert.equal(removed(tags, made(20)), []);
  assert.is(removed(tags, made(40)).length, 3);
});

test('an image keeps both manifests of a need that has the same id in two manifests', () => {
  const same = (digest: string): RemoteContents => {
    const image = imageOf(digest, { task: 'base:1' });
    return { ...image, images: [{ ...image.images[0]!, ids: ['config', digest] }] };
  };
  const tags = {
    [`${base}:1${k('a')}`]: one,
    [`${base}:1${k('a')}${pass}`]: two,
    [`${app}:1${k('c')}`]: three,
  };
  const user = imageOf(three, { key: keyOf('c'), days: 1, needs: { 'base:1': 'config' } });
  assert.equal(removed(tags, [same(one), same(two), user]), []);
  assert.equal(removed(tags, [same(two), same(one), user]), []);
});

test('with a cache repository, a release elsewhere keeps content tags, and images elsewhere are only copies', () => {
  const naming = { repo: 'h:1/t', cacheRepo: 'h:1/t/cache', suffix: '', timed: false };
  const content = `h:1/t/cache:app-1${k('a')}`;
  assert.equal(removed({ [content]: one }, [imageOf(one)], { naming }), [[`cache:app-1${k('a')}`, true]]);
  assert.equal(removed({ [content]: one, [`${app}:1`]: one }, [imageOf(one)], { naming }), []);
  const dev = { [content]: one, [`${app}:1-dev202601010000`]: one };
  assert.equal(removed(dev, [imageOf(one, { days: 1 })], { naming }), [['app:1-dev202601010000', true]]);
  const foreign = { [`h:1/t/cache:other-1${k('a')}`]: one, 'h:1/t/cache:x-dev202601010000': two };
  assert.equal(removed(foreign, [imageOf(one), imageOf(two)], { naming }), [], "another project's");
});

test('keeps all images if a tag cannot be read, since it may refer to any of them', () => {
  const tags = { [`${app}:1${k('a')}`]: one, [`${app}:strange`]: two };
  assert.equal(removed(tags, [imageOf(one)]), [[`app:1${k('a')}`, false]]);
});

/** Random tags on random images, with labels that may be wrong. */
const inventories = fc
  .record({
    hasCache: fc.boolean(),
    images: fc.array(
      fc.record({
        task: fc.constantFrom('app:1', 'app:2', 'base:1'),
        letter: fc.constantFrom('a', 'b'),
        days: fc.constantFrom(1, 29, 31, 90),
        uses: fc.array(fc.tuple(fc.nat(7), fc.boolean()), { maxLength: 3 }),
        names: fc.array(fc.nat(7), { maxLength: 1 }),
        isKnown: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
      }),
      { minLength: 3, maxLength: 8 },
    ),
    tags: fc.uniqueArray(
      fc.record({
        repository: fc.constantFrom(app, base, 'h:1/t/cache'),
        form: fc.constantFrom(
          'content',
          'content',
          'content',
          'pass',
          'old',
          'old',
          'young',
          'release',
          'alias',
          'sig',
        ),
        image: fc.nat(7),
        says: fc.nat(7),
        isTrue: fc.integer({ min: 0, max: 4 }).map((n) => n > 0),
      }),
      { maxLength: 14, selector: (tag) => JSON.stringify(tag) },
    ),
    pinned: fc.array(fc.nat(7), { maxLength: 1 }),
    named: fc.array(fc.nat(13), { maxLength: 2 }),
  })
  .map(({ hasCache, images, tags, pinned, named }) => {
    const at = (index: number): number => index % images.length;
    const digest = (index: number): string => digestOf(`image ${at(index)}`);
    const contents = images.map(({ task, letter, days, uses, names }, index) =>
      imageOf(digest(index), {
        task,
        key: keyOf(letter),
        days,
        // Images need only older images.
        needs: Object.fromEntries(
          uses
            .filter(([used]) => at(used) < index)
            .map(([used, byConfig], nth) => [`n:${nth}`, `${byConfig ? 'config-of-' : ''}${digest(used)}`]),
        ),
        names: names.filter((each) => at(each) < index).map(digest),
      }),
    );
    const listed = tags.map(({ repository, form, image, says, isTrue }): ListedTag => {
      const { task, letter } = images[at(isTrue ? image : says)]!;
      const [name, version] = task.split(':');
      const content = `${repository === 'h:1/t/cache' ? `${name}-` : ''}${version}${k(letter)}`;
      const forms: Record<string, string> = {
        content,
        pass: `${content}${pass}`,
        old: `${version}-dev20260101000${says}`,
        young: `${version}-dev20261120000${says}`,
        release: `${version}.${says}`,
        alias: 'latest',
        sig: `${digest(says).replace(':', '-')}.sig`,
      };
      return { repository, tag: forms[form]!, digest: digest(image) };
    });
    const unique = [...new Map(listed.map((each) => [`${each.repository}:${each.tag}`, each])).values()];
    return {
      tags: unique,
      contents: new Map(
        contents.filter((_, index) => images[index]!.isKnown).map((each) => [each.digest, each]),
      ),
      naming: { repo: 'h:1/t', ...(hasCache ? { cacheRepo: 'h:1/t/cache' } : {}), suffix: '', timed: false },
      names: new Set(['app', 'base']),
      named: new Set(
        named.flatMap((each) => unique[each] ?? []).map(({ repository, tag }) => `${repository}:${tag}`),
      ),
      pinned: new Set(pinned.map(digest)),
      now,
    } satisfies Inventory;
  });

/** Everything that these digests refer to, computed in a different, slower way than in the code. */
function reachable(start: readonly string[], { contents }: Inventory, byNeeds: boolean): Set<string> {
  const found = new Set(start);
  for (let size = -1; size !== found.size; ) {
    size = found.size;
    for (const each of contents.values()) {
      if (!found.has(each.digest)) continue;
      for (const name of each.manifestDigests) found.add(name);
      const needs = Object.values(JSON.parse(each.images[0]!.labels[needsLabel]!)) as string[];
      if (byNeeds)
        for (const other of contents.values())
          if (needs.some((id) => other.images[0]!.ids.includes(id))) found.add(other.digest);
    }
  }
  return found;
}

test('for any tags, never removes anything that a kept tag refers to', () => {
  const seen = { whole: 0, alone: 0, content: 0, dev: 0, pass: 0 };
  fc.assert(
    fc.property(inventories, (inventory) => {
      const removals = chooseRemovals(inventory);
      const name = (repository: string, tag: string): string => `${repository}:${tag}`;
      const removedNames = new Set(
        removals.flatMap(({ repository, tags }) => tags.map(({ tag }) => name(repository, tag))),
      );
      const keptTags = inventory.tags.filter(
        ({ repository, tag }) => !removedNames.has(name(repository, tag)),
      );
      const digests = (tags: readonly ListedTag[]): string[] =>
        tags.flatMap(({ tag, digest }) => [
          digest!,
          ...(tag.startsWith('sha256-') ? [`sha256:${tag.slice(7, 71)}`] : []),
        ]);
      const kept = reachable([...inventory.pinned, ...digests(keptTags)], inventory, true);
      for (const { repository, digest, tags, whole } of removals) {
        const here = inventory.tags.filter(
          (each) => each.repository === repository && each.digest === digest,
        );
        for (const { tag, kind, age } of tags) {
          seen[kind]++;
          assert.match(tag, /-dev\d{12}$|-k[0-9a-f]{12}(-t[0-9a-f]{12})?$/);
          assert.not.ok(inventory.named.has(name(repository, tag)), 'the definitions use it');
          if (kind === 'content') assert.not.ok(kept.has(digest), `${tag} is used`);
          if (kind === 'pass')
            assert.not.ok(
              keptTags.some(
                (each) => name(each.repository, each.tag) === name(repository, tag.slice(0, -14)),
              ),
            );
          if (kind !== 'pass') assert.ok(age! > (kind === 'dev' ? 14 : 30) * day);
        }
        seen[whole ? 'whole' : 'alone']++;
        if (!whole) continue;
        assert.is(tags.length, here.length, 'all its tags are removed');
        const own = keptTags.filter((each) => each.repository === repository);
        assert.not.ok(reachable([...inventory.pinned, ...digests(own)], inventory, false).has(digest));
        assert.ok(
          own.every((each) => inventory.contents.has(each.digest!)),
          'all others can be read',
        );
        if (inventory.naming.cacheRepo === undefined || inventory.naming.cacheRepo === repository)
          assert.not.ok(kept.has(digest));
      }
    }),
    { numRuns: 3_000 },
  );
  for (const [what, times] of Object.entries(seen)) assert.ok(times > 100, `${what}: only ${times} times`);
});

test('removes images before the images that they use', () => {
  fc.assert(
    fc.property(inventories, (inventory) => {
      const removals = chooseRemovals(inventory);
      const order = inRemovalOrder(removals);
      assert.equal(new Set(order.flat()), new Set(removals));
      const group = (removal: Removal): number => order.findIndex((each) => each.includes(removal));
      for (const user of removals)
        for (const used of removals)
          if (used !== user && used.ids.some((id) => user.uses.includes(id)) && used.digest !== user.digest)
            assert.ok(group(user) < group(used));
    }),
    { numRuns: 1_000 },
  );
  const cycle = (ids: string, uses: string): Removal =>
    ({ repository: app, digest: ids, tags: [], whole: true, ids: [ids], uses: [uses] }) as Removal;
  assert.is(inRemovalOrder([cycle('a', 'b'), cycle('b', 'a')]).flat().length, 2);
});

/** An attested image: its tag points to an index of the image and its attestation. */
function attested(
  index: string,
  image: string,
  attestation: string,
  options: ImageOptions = {},
): RemoteContents {
  const [found] = imageOf(image, options).images;
  return {
    digest: index,
    manifestDigests: [image, attestation],
    images: [
      {
        ...found!,
        digest: index,
        ids: [...found!.ids, index],
        manifest: { ...found!.manifest, digest: image },
      },
    ],
  };
}

test('attestations go with their image, and stay with what is built on it or contains it', () => {
  const [index, image, proof] = ['i', 'm', 'p'].map(digestOf) as [string, string, string];
  const tags = { [`${base}:1${k('a')}`]: index };
  const contents = [attested(index, image, proof, { task: 'base:1' })];
  const [removal] = choose(tags, contents);
  assert.equal([removal!.digest, removal!.whole], [index, true]);
  // Its dependents name its own manifest, which no other build has.
  const user = imageOf(digestOf('u'), { needs: { 'base:1': image }, days: 1 });
  assert.equal(choose({ ...tags, [`${app}:1.0`]: user.digest }, [...contents, user]), []);
  // A release of several platforms contains the image and its attestation.
  const release = { digest: digestOf('r'), manifestDigests: [image, proof], images: [] };
  assert.equal(choose({ ...tags, [`${base}:1.0`]: release.digest }, [...contents, release]), []);
});

test.run();
