import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { StepProgress } from '../../src/model/events.ts';
import type { BuildRequest, BuiltImage, Engine } from '../../src/model/ports.ts';
import { type Credentials, type Registry, RegistryError } from '../../src/model/registry.ts';
import { silent } from './build-request.ts';
import { addBuilderTests, type Tests } from './builder-suite.ts';
import { failure, live, run, suiteRequest, testLabel } from './suite-request.ts';

/** An engine under test. */
export interface SuiteEngine {
  readonly engine: Engine;
  /** See `SuiteBuilder`. */
  readonly files: Readonly<Record<string, string>>;
  /** A registry to push to and pull from, if there is one. */
  readonly remote?: SuiteRegistry;
  close(): Promise<void>;
}

export interface SuiteRegistry {
  readonly registry: Registry;
  /** `127.0.0.1:5000` */
  readonly host: string;
  readonly credentials: Credentials;
  /** Registries that deny pushes with these credentials. */
  readonly denied: { readonly host: string; readonly credentials: Credentials | undefined }[];
}

/** The contract of the engine port: that of a builder, and that of an image store. */
export function engineSuite(name: string, open: () => Promise<SuiteEngine>): void {
  const test = suite(`engine: ${name}`);
  let opened: SuiteEngine;
  test.before(async () => {
    opened = await open();
  });
  test.after(async () => await opened.close());
  addBuilderTests(test, () => ({
    ...opened,
    builder: opened.engine,
    countImages: async () =>
      (await opened.engine.images()).filter(({ labels }) => labels[testLabel] === run).length,
  }));
  addStoreTests(test, () => opened);
  test.run();
}

function addStoreTests(test: Tests, opened: () => SuiteEngine): void {
  const build = (request: BuildRequest): Promise<BuiltImage | undefined> =>
    opened().engine.build(request, silent, live);

  test('reports its version', async () => assert.match((await opened().engine.abilities()).version, /^\d/));

  test('a built image has its labels and no tag', async () => {
    const { imageId } = (await build(suiteRequest({}, { labels: { [testLabel]: run, color: 'red' } })))!;
    const image = (await opened().engine.images()).find(({ id }) => id === imageId);
    assert.is(image?.labels.color, 'red');
    assert.equal(image?.tags, []);
  });

  test('a tag can be set and moved', async () => {
    const tag = `tasks-test/${run}:moving`;
    const tagsOf = async (imageId: string): Promise<readonly string[] | undefined> =>
      (await opened().engine.images()).find(({ id }) => id === imageId)?.tags;
    const one = (await build(suiteRequest({ one: '1' })))!.imageId;
    const two = (await build(suiteRequest({ two: '2' })))!.imageId;
    await opened().engine.tag(one, tag);
    assert.equal(await tagsOf(one), [tag]);
    await opened().engine.tag(two, tag);
    assert.equal([await tagsOf(one), await tagsOf(two)], [[], [tag]]);
    await failure(opened().engine.tag(`sha256:${'0'.repeat(64)}`, tag));
  });

  test('removing the last tag removes the image', async () => {
    const tag = (name: string): string => `tasks-test/${run}:${name}`;
    const find = async (imageId: string) => (await opened().engine.images()).find(({ id }) => id === imageId);
    const { imageId } = (await build(suiteRequest({ three: '3' })))!;
    await opened().engine.tag(imageId, tag('one'));
    await opened().engine.tag(imageId, tag('other'));
    assert.is(await opened().engine.untag(tag('one')), true);
    assert.equal((await find(imageId))?.tags, [tag('other')]);
    assert.ok((await find(imageId))!.created > 0);
    assert.is(await opened().engine.untag(tag('other')), true);
    assert.is(await find(imageId), undefined);
    assert.is(await opened().engine.untag(tag('other')), true, 'removing a missing tag is no error');
  });

  test('a pushed image is in the registry, and pulling it gives the same image', async () => {
    const { remote } = opened();
    if (remote === undefined) return;
    const { registry, host, credentials } = remote;
    const tag = `${host}/team/app-${run}:1`;
    const { imageId } = (await build(
      suiteRequest({ pushed: '1' }, { labels: { [testLabel]: run, a: '1' } }),
    ))!;
    await opened().engine.tag(imageId, tag);
    const reported: StepProgress[] = [];
    const progress = { step: (step: StepProgress) => void reported.push(step), line: () => undefined };
    const digest = await opened().engine.push(tag, credentials, progress, live);
    assert.match(reported.at(-1)?.text ?? '', /^uploading 1\/1 layers/);
    assert.is(await registry.head(tag), digest);
    const image = (await registry.image(tag, suiteRequest({}).platform))!;
    assert.equal([image.labels.a, image.ids.includes(imageId)], ['1', true]);
    assert.is(
      await opened().engine.push(tag, credentials, silent, live),
      digest,
      'a second push returns the same digest',
    );
    await opened().engine.untag(tag);
    // The engine also keeps a pushed image under its digest.
    await opened().engine.untag(`${host}/team/app-${run}@${digest}`);
    assert.is(
      (await opened().engine.images()).find(({ id }) => id === imageId),
      undefined,
    );
    reported.length = 0;
    const pulled = await opened().engine.pull(
      `${host}/team/app-${run}@${digest}`,
      suiteRequest({}).platform,
      credentials,
      progress,
      live,
    );
    assert.is(pulled, imageId);
    assert.match(reported.at(-1)?.text ?? '', /^downloading 1\/1 layers/);
    const found = (await opened().engine.images()).find(({ id }) => id === imageId);
    assert.is(found?.labels.a, '1');
  });

  test('errors of push and pull have the right class and contain no secret', async () => {
    const { remote } = opened();
    if (remote === undefined) return;
    const { host, credentials, denied } = remote;
    const unknown = `${host}/team/none-${run}`;
    await failure(opened().engine.push(`${unknown}:1`, credentials, silent, live));
    const digest = `sha256:${'0'.repeat(64)}`;
    const missing = await failure(
      opened().engine.pull(`${unknown}@${digest}`, suiteRequest({}).platform, credentials, silent, live),
    );
    assert.is((missing as RegistryError).problem, 'missing', missing.message);
    const { imageId } = (await build(suiteRequest({ refused: '1' })))!;
    for (const { host: other, credentials: wrong } of denied) {
      const tag = `${other}/team/app:${run}`;
      await opened().engine.tag(imageId, tag);
      const error = await failure(opened().engine.push(tag, wrong, silent, live));
      assert.instance(error, RegistryError);
      assert.is((error as RegistryError).problem, 'denied', error.message);
      assert.not.match(`${error.message} ${(error as RegistryError).hint}`, /wr0ng/);
    }
    const aborted = AbortSignal.abort(new Error('stop'));
    await failure(opened().engine.push(`${host}/team/app:${run}`, credentials, silent, aborted));
  });
}
