import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { remoteImageQueries } from '../../../src/app/remote-images.ts';
import { command, image } from '../../../src/define/index.ts';
import { openMemo } from '../../../src/incremental/memo.ts';
import { observeTest } from '../../../src/observe/image-test.ts';
import { testPassTag } from '../../../src/plan/refs.ts';
import { graphOf } from '../../support/graphs.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';

const test = suite('what a plan asks the registry');

test('asks for the images of all tasks, and for the passes of the tests that are to run', () => {
  const root = tempFolder();
  writeFiles(root, { 'i/test.sh': '#!/bin/sh\n' });
  const graph = graphOf({
    tested: image({ name: 'tested', context: 'i', test: 'i/test.sh' }),
    other: image({ name: 'other', context: 'i', test: 'i/test.sh' }),
    files: image({ name: 'files', context: 'i', output: 'files' }),
    run: command({ name: 'run', run: ['true'] }),
  });
  const tasks = [...graph.tasks.values()];
  const memo = openMemo(`${root}/memo`, assert.unreachable);
  const key = 'a'.repeat(64);
  const queries = remoteImageQueries(
    tasks,
    new Map(tasks.map(({ id }) => [id, { key }])),
    { repo: 'h/team', suffix: '', timed: false },
    { tested: new Set(['tested:latest']), root, memo },
  );
  const contentTag = (name: string): string => `h/team/${name}:latest-k${'a'.repeat(12)}`;
  const { digest } = observeTest(graph.tasks.get('tested:latest')!, root, memo)!;
  assert.equal(
    queries.map(({ platform: _, ...query }) => query),
    [
      {
        id: 'tested:latest',
        contentTag: contentTag('tested'),
        passTag: testPassTag(contentTag('tested'), digest),
      },
      { id: 'other:latest', contentTag: contentTag('other') },
    ],
  );
});

test.run();
