import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Context, suite } from 'uvu';
import * as assert from 'uvu/assert';
import { newOwner } from '../../src/cache/owner.ts';
import type { StepProgress } from '../../src/model/events.ts';
import {
  type Builder,
  type BuildRequest,
  type BuiltImage,
  type ContextEntry,
  StepFailed,
} from '../../src/model/ports.ts';
import { silent } from './build-request.ts';
import {
  digestOf,
  type Files,
  failure,
  live,
  run,
  suiteRequest,
  testLabel,
  withPrograms,
} from './suite-request.ts';
import { tempFolder } from './temp.ts';

/** A builder under test. */
export interface SuiteBuilder {
  readonly builder: Builder;
  /** Files that scripts in an image need, by their path in the image: the source paths. */
  readonly files: Readonly<Record<string, string>>;
  /** The repository that a builder node pushes to. */
  readonly pushTo?: string;
  /** Counts the images that this process has built; others may use the same builder. */
  countImages(): Promise<number>;
  close(): Promise<void>;
}

/** A suite of uvu, to add tests to. */
export type Tests = ReturnType<typeof suite<Context>>;

/** The contract of the builder port. Runs against engines, builder nodes and fakes, so that all behave the same. */
export function builderSuite(name: string, open: () => Promise<SuiteBuilder>): void {
  const test = suite(`builder: ${name}`);
  let opened: SuiteBuilder;
  test.before(async () => {
    opened = await open();
  });
  test.after(async () => await opened.close());
  addBuilderTests(test, () => opened);
  test.run();
}

/** The contract of a builder. `opened`: see `builderSuite`. */
export function addBuilderTests(test: Tests, opened: () => SuiteBuilder): void {
  const requestOf = (files: Files, more: Partial<BuildRequest> = {}): BuildRequest => {
    const { pushTo } = opened();
    return suiteRequest(files, { ...(pushTo === undefined ? {} : { pushTo }), ...more });
  };
  const runnable = (text: string, more: Partial<BuildRequest> = {}): BuildRequest =>
    withPrograms(requestOf({ Dockerfile: text, 'Dockerfile.txt': text }, more), opened().files);
  const build = (request: BuildRequest): Promise<BuiltImage | undefined> =>
    opened().builder.build(request, silent, live);

  test('is ready', async () => await opened().builder.ready());

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
    if (!(await opened().builder.abilities()).namedContexts) return;
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
    assert.type(await opened().builder.grants('network.host'), 'boolean');
    assert.type(await opened().builder.grants('security.insecure'), 'boolean');
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
      const built = await Promise.all(
        Array.from({ length: 6 }, () =>
          opened().builder.build(request, silent, new AbortController().signal),
        ),
      );
      assert.is(new Set(built.map((image) => image!.imageId)).size, 1);
    }
  });

  test('steps are reported as they start and end; a failed step is in the error and leaves no image', async () => {
    const before = await opened().countImages();
    const reported: StepProgress[] = [];
    const progress = { step: (step: StepProgress) => void reported.push(step), line: () => undefined };
    // noCache: otherwise steps of an earlier run of this suite would be reported as cached.
    const request = runnable('FROM scratch\nCOPY . /\nRUN echo last words; \\\n  exit 7\n', {
      noCache: true,
    });
    const error = await failure(opened().builder.build(request, progress, live));
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
    assert.is(await opened().countImages(), before);
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
    const before = await opened().countImages();
    const request = requestOf({ 'c/d': 'd\n' });
    const exportTo = tempFolder();
    assert.is(await build({ ...request, exportTo }), undefined);
    assert.is(readFileSync(path.join(exportTo, 'c/d'), 'utf8'), 'd\n');
    assert.is(await opened().countImages(), before);
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
    await failure(opened().builder.build(requestOf({}), silent, AbortSignal.abort(new Error('stop'))));
  });

  test('an abort ends a build whose step runs, and leaves no image', async () => {
    const before = await opened().countImages();
    const stop = new AbortController();
    const progress = {
      step: ({ text }: StepProgress) => void (text.startsWith('RUN') && stop.abort(new Error('stop'))),
      line: () => undefined,
    };
    // BuildKit merges a step with an equal one of a build that was canceled just before, without reporting or stopping it.
    const text = `FROM scratch\nCOPY . /\nRUN sleep 60 # ${randomUUID()}\n`;
    const request = runnable(text, { noCache: true });
    const error = await failure(opened().builder.build(request, progress, stop.signal));
    assert.is(error.message, 'stop');
    assert.is(await opened().countImages(), before);
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
    const { builder, pushTo } = opened();
    const { exitCode } = await builder.test(
      {
        imageId: pushTo === undefined ? imageId : `${pushTo}@${imageId}`,
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
}
