import { execFileSync } from 'node:child_process';
import { appendFileSync, closeSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { seededRandom } from '../support/random.ts';
import { hasRegistry } from '../support/registry.ts';
import { logIn, releaseLabel, twoPlatforms } from '../support/release.ts';
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

const test = suite('push failures');

/**
 * Which failures to test: a random sample if empty; `all` for every mode at every request of a release, which takes most of
 * an hour; or some modes, such as `once 500,down`, each optionally at one request only (`down@27`).
 */
const selection = process.env.TASKS_FAULTS ?? '';
/** Which releases to test: `plain`, `indexes` (for two platforms), or both. */
const releases = (process.env.TASKS_FAULTS_RELEASES ?? 'plain,indexes').split(',');
/** A file that gets a line for each failure that was tested. */
const log = process.env.TASKS_FAULTS_LOG;
const sampleSize = 12;
/** Of releases of indexes. */
const indexSampleSize = 8;
const seed = Number(process.env.TASKS_SEED ?? 1);
/** How many releases run at once. Most of them wait for a failing registry. */
const lanes = Number(process.env.TASKS_FAULT_LANES ?? 2);

if (hasRegistry) {
  const scenarios: ReleaseScenario[] = [];
  test.before(async () => {
    await connectTestEngine();
    for (let lane = 0; lane < lanes; lane++) scenarios.push(await openScenario({ deletes: lane % 2 === 0 }));
  });
  test.after(async () => {
    for (const { fixture } of scenarios) await fixture.stop();
    await removeImages(await connectTestEngine(), releaseLabel);
  });

  test('a release that fails or is killed at any request is recovered by the next push', async () => {
    if (releases.includes('plain')) await runAll(pointsOf(scenarios[0]!, sampleSize), scenarios);
  });

  test('the same of a release for two platforms: no index is published without all of its images', async () => {
    if (!releases.includes('indexes')) return;
    const scenarios: ReleaseScenario[] = [];
    try {
      for (let lane = 0; lane < (selection === '' ? 1 : lanes); lane++)
        scenarios.push(await openScenario({ deletes: lane % 2 === 0, platforms: twoPlatforms }));
      const index = await scenarios[0]!.client.manifest(`${scenarios[0]!.fixture.repo}/app:1`);
      assert.match(index.mediaType, /index|manifest\.list/);
      await runAll(pointsOf(scenarios[0]!, indexSampleSize), scenarios);
    } finally {
      for (const { fixture } of scenarios) await fixture.stop();
    }
  });

  /** Runs failures, shared among these scenarios. */
  async function runAll(
    points: readonly [FailureMode, number][],
    lanes: readonly ReleaseScenario[],
  ): Promise<void> {
    const queue = [...points];
    const failures: string[] = [];
    const runLane = async (scenario: ReleaseScenario): Promise<void> => {
      for (let point = queue.shift(); point !== undefined; point = queue.shift()) {
        const [mode, nth] = point;
        const start = Date.now();
        const deletes = scenario.fixture.registry.options.deletes ? '' : ', no deletes';
        const end = await runWithFailure(scenario, mode, Math.min(nth, scenario.requests.length)).catch(
          (error: Error) => {
            failures.push(`${error.message}${deletes}`);
            return `FAILED: ${error.message}\n`;
          },
        );
        if (log) appendFileSync(log, `${mode} ${nth}${deletes}: ${end} (${Date.now() - start} ms)\n`);
      }
    };
    await Promise.all(lanes.map(runLane));
    assert.is(failures.length, 0, failures.join('\n\n'));
  }

  test('reports new tags that cannot be deleted, and the next push completes the release', async () => {
    const scenario = scenarios[1]!;
    const machine = scenario.reset();
    scenario.fixture.proxy.fail(pausePoints.movedTag, 500, { forever: true });
    const { code, err } = await machine.run(releaseArgs);
    assert.is(code, 3);
    assert.match(
      err,
      /the other tags were rolled back, but the registry does not delete tags, so \S+\/app:3 remain/,
    );
    assert.equal(
      { ...scenario.oldTags, 'app:3': scenario.newTags['app:3'] },
      scenario.fixture.releasedTags(),
    );
    scenario.fixture.proxy.clear();
    const next = await machine.clone().run(releaseArgs);
    assert.match(next.err, /completed the unfinished push of .*: 3 tags set/);
    assert.equal(scenario.fixture.releasedTags(), scenario.newTags);
  });

  test('reports missing or wrong credentials before anything is built', async () => {
    const { fixture, reset } = scenarios[0]!;
    const machine = reset();
    machine.change('base', 'changed');
    for (const [login, message] of [
      [undefined, /login required to push to \S+\/team\/\w+\nhint: docker login 127/],
      ['me:wr0ng-pw', /rejected the credentials of me for team\/\w+\nhint: .*docker login 127/],
    ] as const) {
      const { code, err } = await machine.run(releaseArgs, {
        DOCKER_CONFIG: logIn(fixture.proxy.host, login),
      });
      assert.is(code, 3);
      assert.match(err, message);
      assert.not.match(err, /tasks build|wr0ng/);
    }
  });

  if (process.getuid?.() === 0)
    test('reports a registry whose disk is full, and the next push recovers once there is space', async () => {
      const folder = tempFolder();
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tasks-test', folder]);
      const scenario = await openScenario({ folder, deletes: true });
      const filler = path.join(folder, 'filler');
      try {
        for (const moment of [pausePoints.journal, pausePoints.newTag]) {
          const { machine, resume } = await pauseRelease(scenario, moment);
          fill(filler);
          const { code, err } = await resume();
          assert.is(code, 3, err);
          assert.match(err, /has no disk space left/, err);
          if (moment === pausePoints.journal) assert.equal(scenario.fixture.releasedTags(), scenario.oldTags);
          else assert.match(err, /nothing is published|could not be rolled back/);
          const early = await machine.run(releaseArgs);
          assert.is(early.code, 3, early.err);
          assert.match(
            early.err,
            /^error: \S+ has no disk space left\nhint: ask the registry's administrator to free some$/m,
          );
          rmSync(filler);
          const next = await machine.clone().run(releaseArgs);
          assert.is(next.code, 0, next.err);
          assert.equal(scenario.fixture.releasedTags(), scenario.newTags);
        }
      } finally {
        await scenario.fixture.stop();
        execFileSync('umount', [folder]);
      }
    });
  else test.skip('a registry whose disk is full (needs root to mount a small disk)');

  test('a release succeeds if the registry restarts while layers are uploaded or tags are set', async () => {
    for (const moment of [/^PATCH /, pausePoints.newTag, pausePoints.alias]) {
      const scenario = scenarios[0]!;
      const { resume } = await pauseRelease(scenario, moment);
      await scenario.fixture.registry.stop();
      const ended = resume();
      await scenario.fixture.restart();
      const { code, err } = await ended;
      assert.is(code, 0, err);
      assert.equal(scenario.fixture.releasedTags(), scenario.newTags);
    }
  });
} else test.skip('docker-registry is not installed');

test.run();

/** Fills the disk to the last byte. */
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

/**
 * Returns the failures to test: modes and requests, or a sample of them. Leaves out permanent failures of the engine's own requests, because the
 * engine retries those for minutes.
 */
function pointsOf({ requests }: ReleaseScenario, sampleSize: number): [FailureMode, number][] {
  const chosen = selection === 'all' || selection === '' ? [...failureModes] : selection.split(',');
  const all = chosen.flatMap((each) => {
    const [mode, only] = each.split('@') as [FailureMode, string?];
    if (only !== undefined) return [[mode, Number(only)] as [FailureMode, number]];
    return requests.flatMap(({ agent }, index): [FailureMode, number][] =>
      ['for ever', 'down'].includes(mode) && agent.startsWith('docker/') ? [] : [[mode, index + 1]],
    );
  });
  const random = seededRandom(seed);
  const shuffled = all
    .map((point) => ({ point, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ point }) => point);
  return selection === '' ? shuffled.slice(0, sampleSize) : shuffled;
}
