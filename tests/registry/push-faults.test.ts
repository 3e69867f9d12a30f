import { execFileSync } from 'node:child_process';
import { appendFileSync, closeSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { seededRandom } from '../support/random.ts';
import { hasRegistry } from '../support/registry.ts';
import { logIn, releaseLabel } from '../support/release.ts';
import {
  type FailureMode,
  failureModes,
  openScenario,
  pausePoints,
  pauseRelease,
  type ReleaseScenario,
  releaseArgs,
  runWithFailure,
} from '../support/release-faults.ts';
import { tempFolder } from '../support/temp.ts';

const test = suite('push, where something goes wrong');

/**
 * `all`: every request of a release meets everything, which takes most of an hour. Or a part: `once 500,down`; `@27`: at that
 * request alone.
 */
const wanted = process.env.TASKS_FAULTS ?? '';
/** A file that gets a line for each of them. */
const log = process.env.TASKS_FAULTS_LOG;
const sample = 12;
const seed = Number(process.env.TASKS_SEED ?? 1);
/** How many releases go on at once: most of them wait for a registry that fails. */
const lanes = Number(process.env.TASKS_FAULT_LANES ?? 2);

if (hasRegistry) {
  const stages: ReleaseScenario[] = [];
  test.before(async () => {
    await connectTestEngine();
    for (let lane = 0; lane < lanes; lane++) stages.push(await openScenario({ deletes: lane % 2 === 0 }));
  });
  test.after(async () => {
    for (const { fixture } of stages) await fixture.stop();
    await removeImages(await connectTestEngine(), releaseLabel);
  });

  test('any request of a release may fail, and any moment be its last', async () => {
    const points = pointsOf(stages[0]!);
    const queue = [...points];
    const failures: string[] = [];
    const work = async (stage: ReleaseScenario): Promise<void> => {
      for (let point = queue.shift(); point !== undefined; point = queue.shift()) {
        const [mishap, nth] = point;
        const began = Date.now();
        const deletes = stage.fixture.registry.options.deletes ? '' : ', no deletes';
        const end = await runWithFailure(stage, mishap, Math.min(nth, stage.requests.length)).catch(
          (error: Error) => {
            failures.push(`${error.message}${deletes}`);
            return `FAILED: ${error.message}\n`;
          },
        );
        if (log) appendFileSync(log, `${mishap} ${nth}${deletes}: ${end} (${Date.now() - began} ms)\n`);
      }
    };
    await Promise.all(stages.map(work));
    assert.is(failures.length, 0, failures.join('\n\n'));
  });

  test('new tags that nothing can take away are told, and the next push makes the release whole', async () => {
    const stage = stages[1]!;
    const machine = stage.reset();
    stage.fixture.proxy.fail(pausePoints.movedTag, 500, { forever: true });
    const { code, err } = await machine.run(releaseArgs);
    assert.is(code, 3);
    assert.match(
      err,
      /the other tags were rolled back, but the registry does not delete tags, so \S+\/app:3 remain/,
    );
    assert.equal({ ...stage.oldTags, 'app:3': stage.newTags['app:3'] }, stage.fixture.releasedTags());
    stage.fixture.proxy.clear();
    const next = await machine.clone().run(releaseArgs);
    assert.match(next.err, /completed the unfinished push of .*: 3 tags set/);
    assert.equal(stage.fixture.releasedTags(), stage.newTags);
  });

  test('no password, or a wrong one: told before anything is built', async () => {
    const { fixture, reset } = stages[0]!;
    const machine = reset();
    machine.change('base', 'changed');
    for (const [words, why] of [
      [undefined, /login required to push to \S+\/team\/\w+\nhint: docker login 127/],
      ['me:wr0ng-pw', /rejected the credentials of me for team\/\w+\nhint: .*docker login 127/],
    ] as const) {
      const { code, err } = await machine.run(releaseArgs, {
        DOCKER_CONFIG: logIn(fixture.proxy.host, words),
      });
      assert.is(code, 3);
      assert.match(err, why);
      assert.not.match(err, /tasks build|wr0ng/);
    }
  });

  if (process.getuid?.() === 0)
    test('a registry whose disk is full: told, and nothing is left half done once there is room', async () => {
      const folder = tempFolder();
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tasks-test', folder]);
      const stage = await openScenario({ folder, deletes: true });
      const filler = path.join(folder, 'filler');
      try {
        for (const moment of [pausePoints.journal, pausePoints.newTag]) {
          const { machine, resume } = await pauseRelease(stage, moment);
          fill(filler);
          const { code, err } = await resume();
          assert.is(code, 3, err);
          assert.match(err, /has no disk space left/, err);
          if (moment === pausePoints.journal) assert.equal(stage.fixture.releasedTags(), stage.oldTags);
          else assert.match(err, /nothing was published|could not be rolled back/);
          const early = await machine.run(releaseArgs);
          assert.is(early.code, 3, early.err);
          assert.match(
            early.err,
            /^error: \S+ has no disk space left\nhint: ask the registry's administrator to free some$/m,
          );
          rmSync(filler);
          const next = await machine.clone().run(releaseArgs);
          assert.is(next.code, 0, next.err);
          assert.equal(stage.fixture.releasedTags(), stage.newTags);
        }
      } finally {
        await stage.fixture.stop();
        execFileSync('umount', [folder]);
      }
    });
  else test.skip('a registry whose disk is full (skipped: only root can make a small one)');

  test('a registry that is restarted while layers are sent, or tags are set, holds nobody up', async () => {
    for (const moment of [/^PATCH /, pausePoints.newTag, pausePoints.alias]) {
      const stage = stages[0]!;
      const { resume } = await pauseRelease(stage, moment);
      await stage.fixture.registry.stop();
      const ended = resume();
      await stage.fixture.restart();
      const { code, err } = await ended;
      assert.is(code, 0, err);
      assert.equal(stage.fixture.releasedTags(), stage.newTags);
    }
  });
} else test.skip('docker-registry is not installed');

test.run();

/** Writes until there is no room for a byte. */
function fill(file: string): void {
  const chunk = Buffer.alloc(1 << 20);
  const handle = openSync(file, 'w');
  try {
    for (let size = chunk.length; size >= 1; )
      try {
        writeSync(handle, chunk, 0, size);
      } catch {
        size >>= 1;
      }
  } finally {
    closeSync(handle);
  }
}

/** Where to strike, and how. A registry that fails for ever under the engine's uploads is waited for minutes: sampled less. */
function pointsOf({ requests }: ReleaseScenario): [FailureMode, number][] {
  const chosen = wanted === 'all' || wanted === '' ? [...failureModes] : wanted.split(',');
  const all = chosen.flatMap((each) => {
    const [mishap, only] = each.split('@') as [FailureMode, string?];
    if (only !== undefined) return [[mishap, Number(only)] as [FailureMode, number]];
    return requests.flatMap(({ agent }, index): [FailureMode, number][] =>
      ['for ever', 'down'].includes(mishap) && agent.startsWith('docker/') ? [] : [[mishap, index + 1]],
    );
  });
  const dice = seededRandom(seed);
  const shuffled = all
    .map((point) => ({ point, at: dice() }))
    .sort((a, b) => a.at - b.at)
    .map(({ point }) => point);
  return wanted === '' ? shuffled.slice(0, sample) : shuffled;
}
