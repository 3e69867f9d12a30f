import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { newOwner } from '../../src/cache/owner.ts';
import type { StepProgress } from '../../src/model/events.ts';
import { type BuildRequest, type ContextEntry, type Engine, StepFailed } from '../../src/model/ports.ts';
import { type Credentials, type Registry, RegistryError } from '../../src/model/registry.ts';
import { contextOfFolder, requestFor } from './build-request.ts';
import { tempFolder } from './temp.ts';

/** Labels the images of this suite, so that they can be removed. */
export const testLabel = 'image-tasks.test-suite';

/** An engine under test. */
export interface SuiteEngine {
  readonly engine: Engine;
  /** Files that scripts in an image need, by their path in the image: the source paths. */
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

/** The contract of the engine port. Runs against the real engine and the fake one, so that both behave the same. */
export function engineSuite(name: string, open: () => Promise<SuiteEngine>): void {
  const test = suite(`engine: ${name}`);
  const silent = { step: () => undefined, line: () => undefined };
  const live = new AbortController().signal;
  const run = String(process.pid);
  let opened: SuiteEngine;

  /**
   * Returns a build request with these files in a new folder. Its steps are those of this run alone: BuildKit runs equal steps of builds
   * at the same time once, even without its cache, and does not report them to each.
   */
  const requestOf = (
    files: Readonly<Record<string, string>>,
    more: Partial<BuildRequest> = {},
  ): BuildRequest => {
    const root = tempFolder();
    const context = path.join(root, 'context');
    for (const [file, text] of Object.entries({ 'a/b': `${name} ${run}\n`, ...files })) {
      if (file === 'Dockerfile') continue;
      mkdirSync(path.dirname(path.join(context, file)), { recursive: true });
      writeFileSync(path.join(context, file), text);
    }
    const text = files.Dockerfile ?? 'FROM scratch\nCOPY . /\n';
    return requestFor(contextOfFolder(context), text, { labels: { [testLabel]: run }, ...more });
  };
  /** Returns a build request whose image can run scripts. */
  const runnable = (text: string, more: Partial<BuildRequest> = {}): BuildRequest => {
    const request = requestOf({ Dockerfile: text, 'Dockerfile.txt': text }, more);
    const base = Object.entries(opened.files).map(
      ([file, source]): ContextEntry => ({
        entry: {
          path: file,
          type: 'file',
          executable: true,
          size: readFileSync(source).length,
          digest: digestOf(source),
        },
        source,
      }),
    );
    const dirs = new Set(Object.keys(opened.files).map((file) => path.dirname(file)));
    const folders = [...dirs].map((dir): ContextEntry => ({ entry: { path: dir, type: 'dir' }, source: '' }));
    return { ...request, context: [...request.context, ...folders, ...base] };
  };
  const build = (request: BuildRequest): ReturnType<Engine['build']> =>
    opened.engine.build(request, silent, live);
  /** Counts the images of this process; others may use the engine too. */
  const countImages = async (): Promise<number> =>
    (await opened.engine.images()).filter(({ labels }) => labels[testLabel] === run).length;
  const failure = async (work: Promise<unknown>): Promise<Error> => {
    try {
      await work;
    } catch (error) {
      return error as Error;
    }
    throw new Error('nothing was thrown');
  };

  test.before(async () => {
    opened = await open();
  });
  test.after(async () => await opened.close());

  test('is ready', async () => await opened.engine.ready());
  test('reports its version', async () => assert.match((await opened.engine.abilities()).version, /^\d/));

  test('a built image has its labels and no tag', async () => {
    const { imageId } = (await build(requestOf({}, { labels: { [testLabel]: run, color: 'red' } })))!;
    const image = (await opened.engine.images()).find(({ id }) => id === imageId);
    assert.is(image?.labels.color, 'red');
    assert.equal(image?.tags, []);
  });

  test('the same build gives the same image; a changed file, build arg, label or Dockerfile gives another', async () => {
    const ids = [];
    const declared = 'FROM scratch\nARG A\nCOPY . /\nENV A=$A\n';
    for (const request of [
      requestOf({ Dockerfile: declared }, { args: { A: '1' } }),
      requestOf({ Dockerfile: declared }, { args: { A: '1' } }),
      requestOf({ Dockerfile: declared }, { args: { A: '2' } }),
      requestOf({ Dockerfile: declared, 'a/b': 'c\n' }, { args: { A: '1' } }),
      requestOf({ Dockerfile: `${declared}ENV B=1\n` }, { args: { A: '1' } }),
      requestOf({ Dockerfile: declared }, { args: { A: '1' }, labels: { [testLabel]: run, more: '1' } }),
    ])
      ids.push((await build(request))!.imageId);
    assert.is(ids[0], ids[1]);
    assert.is(new Set(ids).size, 5);
  });

  test('a changed file of the same size and time is in the next image', async () => {
    const images = [];
    for (const text of ['one', 'two', 'one'])
      images.push((await build(requestOf({ 'c/d': text, Dockerfile: 'FROM scratch\nCOPY c /\n' })))!.imageId);
    assert.is.not(images[0], images[1]);
    assert.is(images[0], images[2]);
  });

  test('a changed file in a named context of the same size and time is in the next image', async () => {
    if (!(await opened.engine.abilities()).namedContexts) return;
    const images = [];
    for (const text of ['one', 'two', 'one']) {
      const { context } = requestOf({ c: text });
      const files = { Dockerfile: 'FROM scratch\nCOPY --from=assets c /\n' };
      images.push((await build(requestOf(files, { contexts: { assets: context } })))!.imageId);
    }
    assert.is.not(images[0], images[1]);
    assert.is(images[0], images[2]);
  });

  test('says whether it grants an entitlement', async () => {
    assert.type(await opened.engine.grants('network.host'), 'boolean');
    assert.type(await opened.engine.grants('security.insecure'), 'boolean');
  });

  test('noCache builds from scratch', async () => {
    const text = 'FROM scratch\nCOPY . /\nRUN echo 1\n';
    const first = (await build(runnable(text)))!.imageId;
    assert.is((await build(runnable(text)))!.imageId, first);
    assert.is.not((await build(runnable(text, { noCache: true })))!.imageId, first);
  });

  test('equal builds at the same time make one image', async () => {
    for (let round = 1; round <= 3; round++) {
      const request = requestOf({ round: `${round}` });
      const built = await Promise.all(Array.from({ length: 6 }, () => build(request)));
      assert.is(new Set(built.map((image) => image!.imageId)).size, 1);
    }
  });

  test('a tag can be set and moved', async () => {
    const tag = `tasks-test/${run}:moving`;
    const tagsOf = async (imageId: string): Promise<readonly string[] | undefined> =>
      (await opened.engine.images()).find(({ id }) => id === imageId)?.tags;
    const one = (await build(requestOf({ one: '1' })))!.imageId;
    const two = (await build(requestOf({ two: '2' })))!.imageId;
    await opened.engine.tag(one, tag);
    assert.equal(await tagsOf(one), [tag]);
    await opened.engine.tag(two, tag);
    assert.equal([await tagsOf(one), await tagsOf(two)], [[], [tag]]);
    await failure(opened.engine.tag(`sha256:${'0'.repeat(64)}`, tag));
  });

  test('removing the last tag removes the image', async () => {
    const tag = (name: string): string => `tasks-test/${run}:${name}`;
    const find = async (imageId: string) => (await opened.engine.images()).find(({ id }) => id === imageId);
    const { imageId } = (await build(requestOf({ three: '3' })))!;
    await opened.engine.tag(imageId, tag('one'));
    await opened.engine.tag(imageId, tag('other'));
    assert.is(await opened.engine.untag(tag('one')), true);
    assert.equal((await find(imageId))?.tags, [tag('other')]);
    assert.ok((await find(imageId))!.created > 0);
    assert.is(await opened.engine.untag(tag('other')), true);
    assert.is(await find(imageId), undefined);
    assert.is(await opened.engine.untag(tag('other')), true, 'removing a missing tag is no error');
  });

  test('steps are reported as they start and end; a failed step is in the error and leaves no image', async () => {
    const before = await countImages();
    const reported: StepProgress[] = [];
    const progress = { step: (step: StepProgress) => void reported.push(step), line: () => undefined };
    // noCache: otherwise steps of an earlier run of this suite would be reported as cached.
    const request = runnable('FROM scratch\nCOPY . /\nRUN echo last words; \\\n  exit 7\n', {
      noCache: true,
    });
    const error = await failure(opened.engine.build(request, progress, live));
    assert.instance(error, StepFailed);
    const { step, instruction, lines, exitCode, output, cause } = (error as StepFailed).facts;
    assert.match(step ?? '', 'RUN echo last words');
    assert.match(error.message, /exit code: 7/);
    assert.equal([instruction, lines, exitCode, cause], ['RUN', { line: 3, endLine: 4 }, 7, undefined]);
    assert.equal(output, { lines: ['last words'], stderr: [] });
    const endings = (text: string): unknown[] =>
      reported.filter((step) => step.text.includes(text)).map(({ ended }) => ended);
    assert.equal(endings('RUN echo last words'), [undefined, 'failed']);
    assert.equal(endings('COPY'), [undefined, 'done']);
    assert.is(await countImages(), before);
  });

  test('a file that has changed since it was hashed fails the build', async () => {
    for (const text of ['longer than before', 'x', 'B\n', undefined]) {
      // An engine does not ask for files that it has: it must not have seen this one.
      const request = requestOf({ 'a/b': `${run} ${Math.random()}\n` });
      const { source } = request.context.find(({ entry }) => entry.path === 'a/b')!;
      if (text === undefined) rmSync(source);
      else writeFileSync(source, text);
      assert.match((await failure(build(request))).message, /changed while the task was running/);
    }
  });

  test('an image sees only its context: the Dockerfile as it is there, or none', async () => {
    const text = 'FROM scratch\nCOPY . /\n';
    const filesOf = async (files: Readonly<Record<string, string>>): Promise<Record<string, string>> => {
      const exportTo = tempFolder();
      await build({ ...requestOf({ Dockerfile: `${text}# built\n`, ...files }), exportTo });
      const names = readdirSync(exportTo).filter((name) => name !== 'a');
      return Object.fromEntries(names.map((name) => [name, readFileSync(path.join(exportTo, name), 'utf8')]));
    };
    assert.equal(await filesOf({}), {});
    const ignore = 'Dockerfile*\n*.md\n';
    const files = { 'Dockerfile.dockerignore': ignore, '.dockerignore': ignore, 'read.md': text };
    assert.equal(await filesOf(files), files);
  });

  test('links, pipes and empty folders are sent unchanged', async () => {
    const entries = [
      { path: 'a/empty', type: 'dir' },
      { path: 'a/link', type: 'link', target: '../nowhere' },
      { path: 'a/pipe', type: 'fifo' },
    ] as const;
    const ids = new Set<string>();
    for (const more of [[], ...entries.map((entry) => [entry])]) {
      const request = requestOf({ Dockerfile: 'FROM scratch\nCOPY a /\n' });
      const added = more.map((entry): ContextEntry => ({ entry, source: '' }));
      ids.add((await build({ ...request, context: [...request.context, ...added] }))!.imageId);
    }
    assert.is(ids.size, 4);
  });

  test('a build with a target stops at that stage', async () => {
    const text = 'FROM scratch AS one\nCOPY . /\nFROM scratch\nCOPY missing /\n';
    assert.ok(await build(requestOf({ Dockerfile: text }, { target: 'one' })));
  });

  test('an export writes files and creates no image', async () => {
    const before = await countImages();
    const request = requestOf({ 'c/d': 'd\n' });
    const exportTo = tempFolder();
    assert.is(await build({ ...request, exportTo }), undefined);
    assert.is(readFileSync(path.join(exportTo, 'c/d'), 'utf8'), 'd\n');
    assert.is(await countImages(), before);
  });

  test('a build step can read a secret', async () => {
    const root = tempFolder();
    const file = path.join(root, 'secret');
    writeFileSync(file, 'from a file');
    const text =
      'FROM scratch\nCOPY . /\nRUN --mount=type=secret,id=one [ "$(cat /run/secrets/one)" = "from a file" ] || exit 8\n';
    assert.ok(await build(runnable(text, { secrets: { one: { file } } })));
  });

  test('an aborted build rejects', async () => {
    await failure(opened.engine.build(requestOf({}), silent, AbortSignal.abort(new Error('stop'))));
  });

  test('an abort ends a build whose step runs, and leaves no image', async () => {
    const before = await countImages();
    const stop = new AbortController();
    const progress = {
      step: ({ text }: StepProgress) => void (text.startsWith('RUN') && stop.abort(new Error('stop'))),
      line: () => undefined,
    };
    const request = runnable('FROM scratch\nCOPY . /\nRUN sleep 60\n', { noCache: true });
    const error = await failure(opened.engine.build(request, progress, stop.signal));
    assert.is(error.message, 'stop');
    assert.is(await countImages(), before);
  });

  test('a test gets its environment, and returns its exit code and output', async () => {
    const { imageId } = (await build(runnable('FROM scratch\nCOPY . /\n')))!;
    const script = path.join(tempFolder(), 'script');
    writeFileSync(script, '#!/bin/sh\necho "$COLOR"\nexit 5\n');
    const entry = {
      path: 'run/script',
      type: 'file',
      executable: true,
      size: readFileSync(script).length,
      digest: digestOf(script),
    } as const;
    const lines: string[] = [];
    const { exitCode } = await opened.engine.test(
      {
        imageId,
        platform: requestOf({}).platform,
        files: [
          { entry: { path: 'run', type: 'dir' }, source: '' },
          { entry, source: script },
        ],
        program: '/run/script',
        env: { COLOR: 'red' },
        owner: newOwner(),
      },
      { step: () => undefined, line: (line) => void lines.push(line) },
      live,
    );
    assert.equal([exitCode, lines], [5, ['red']]);
  });

  test('a pushed image is in the registry, and pulling it gives the same image', async () => {
    if (opened.remote === undefined) return;
    const { registry, host, credentials } = opened.remote;
    const tag = `${host}/team/app-${run}:1`;
    const { imageId } = (await build(requestOf({ pushed: '1' }, { labels: { [testLabel]: run, a: '1' } })))!;
    await opened.engine.tag(imageId, tag);
    const reported: StepProgress[] = [];
    const progress = { step: (step: StepProgress) => void reported.push(step), line: () => undefined };
    const digest = await opened.engine.push(tag, credentials, progress, live);
    assert.match(reported.at(-1)?.text ?? '', /^uploading 1\/1 layers/);
    assert.is(await registry.head(tag), digest);
    const image = (await registry.image(tag, requestOf({}).platform))!;
    assert.equal([image.labels.a, image.ids.includes(imageId)], ['1', true]);
    assert.is(
      await opened.engine.push(tag, credentials, silent, live),
      digest,
      'a second push returns the same digest',
    );
    await opened.engine.untag(tag);
    // The engine also keeps a pushed image under its digest.
    await opened.engine.untag(`${host}/team/app-${run}@${digest}`);
    assert.is(
      (await opened.engine.images()).find(({ id }) => id === imageId),
      undefined,
    );
    reported.length = 0;
    const pulled = await opened.engine.pull(
      `${host}/team/app-${run}@${digest}`,
      requestOf({}).platform,
      credentials,
      progress,
      live,
    );
    assert.is(pulled, imageId);
    assert.match(reported.at(-1)?.text ?? '', /^downloading 1\/1 layers/);
    const found = (await opened.engine.images()).find(({ id }) => id === imageId);
    assert.is(found?.labels.a, '1');
  });

  test('errors of push and pull have the right class and contain no secret', async () => {
    if (opened.remote === undefined) return;
    const { host, credentials, denied } = opened.remote;
    const unknown = `${host}/team/none-${run}`;
    await failure(opened.engine.push(`${unknown}:1`, credentials, silent, live));
    const digest = `sha256:${'0'.repeat(64)}`;
    const missing = await failure(
      opened.engine.pull(`${unknown}@${digest}`, requestOf({}).platform, credentials, silent, live),
    );
    assert.is((missing as RegistryError).problem, 'missing', missing.message);
    const { imageId } = (await build(requestOf({ refused: '1' })))!;
    for (const { host: other, credentials: wrong } of denied) {
      const tag = `${other}/team/app:${run}`;
      await opened.engine.tag(imageId, tag);
      const error = await failure(opened.engine.push(tag, wrong, silent, live));
      assert.instance(error, RegistryError);
      assert.is((error as RegistryError).problem, 'denied', error.message);
      assert.not.match(`${error.message} ${(error as RegistryError).hint}`, /wr0ng/);
    }
    const aborted = AbortSignal.abort(new Error('stop'));
    await failure(opened.engine.push(`${host}/team/app:${run}`, credentials, silent, aborted));
  });

  test.run();
}

function digestOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
