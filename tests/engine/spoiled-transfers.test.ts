// Builds that fail or are canceled in the middle of sending their context: an engine must not use what it has got of it.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../src/engine/api.ts';
import { dockerEngine } from '../../src/engine/docker.ts';
import { type BuildRequest, type ContextEntry, StepFailed } from '../../src/model/ports.ts';
import { requestFor, silent } from '../support/build-request.ts';
import { connectTestEngine, readFromImage, removeImages } from '../support/docker.ts';
import { tempFolder } from '../support/temp.ts';

const test = suite('spoiled transfers');
const label = 'image-tasks.spoiled-test';
const rounds = 20;

let api: EngineApi;
test.before(async () => {
  api = await connectTestEngine();
});
test.after(async () => await removeImages(api, label));

/** Returns a context of two files with these texts. On disk, the second one has `onDisk` instead. */
function contextOf(texts: readonly [string, string], onDisk = texts[1]): ContextEntry[] {
  const folder = tempFolder();
  return texts.map((text, index) => {
    const name = `file${index}`;
    writeFileSync(path.join(folder, name), index === 1 ? onDisk : text);
    const digest = createHash('sha256').update(text).digest('hex');
    const size = Buffer.byteLength(text);
    return {
      entry: { path: name, type: 'file', executable: false, size, digest },
      source: path.join(folder, name),
    };
  });
}

const requestOf = (context: readonly ContextEntry[]): BuildRequest =>
  requestFor(context, 'FROM scratch\nCOPY file0 file1 /\n', { labels: { [label]: String(process.pid) } });

for (const [what, size] of [
  ['small contexts, each with a session of its own', 4_000],
  ['large contexts, which builds share', 2_000_000],
] as const) {
  test(`after ${rounds} spoiled and canceled builds under one key, the image has the right files: ${what}`, async () => {
    const text = (name: string): string => `${name} ${process.pid} ${size}\n`.repeat(size / 20);
    const texts = [text('first'), text('second')] as const;
    // The same size: only the content tells.
    const wrong = texts[1].replaceAll('second', 'SECOND');
    const engine = dockerEngine(process.env, { signal: new AbortController().signal });
    const ended = { spoiled: 0, canceled: 0, built: 0 };
    for (let round = 0; round < rounds; round++) {
      const canceled = new AbortController();
      const spoiled = engine.build(requestOf(contextOf(texts, wrong)), silent, new AbortController().signal);
      const reporting = { ...silent, step: () => canceled.abort(new Error('canceled')) };
      const stopped = engine.build(requestOf(contextOf(texts, wrong)), reporting, canceled.signal);
      for (const result of await Promise.allSettled([spoiled, stopped])) {
        if (result.status === 'fulfilled') ended.built++;
        else if (result.reason instanceof StepFailed) {
          ended.spoiled++;
          assert.match(result.reason.message, /file1 changed while the task was running/);
        } else {
          ended.canceled++;
          assert.is((result.reason as Error).message, 'canceled');
        }
      }
    }
    assert.is(ended.built, 0, 'a build with a wrong file has ended well');
    assert.ok(ended.spoiled >= rounds / 2, JSON.stringify(ended));
    const built = await engine.build(requestOf(contextOf(texts)), silent, new AbortController().signal);
    assert.is(await readFromImage(api, built!.imageId, '/file0'), texts[0]);
    assert.is(await readFromImage(api, built!.imageId, '/file1'), texts[1]);
    // The engine has the content now: what is on disk is not read again, and the image is the one that was hashed.
    const again = await engine.build(
      requestOf(contextOf(texts, wrong)),
      silent,
      new AbortController().signal,
    );
    assert.is(again!.imageId, built!.imageId);
  });
}

test.run();
