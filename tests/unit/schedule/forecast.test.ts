import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Manifest, ManifestLine } from '../../../src/model/record.ts';
import { forecast, type Simulation, simulate } from '../../../src/schedule/forecast.ts';
import type { Job } from '../../../src/schedule/job.ts';
import { leadingLayers } from '../../../src/schedule/layers.ts';
import { seededRandom } from '../../support/random.ts';
import { randomJobs } from '../../support/random-jobs.ts';

const test = suite('forecast');

const withoutFailures = (limit: number): Simulation => ({
  limit,
  keepGoing: false,
  duration: ({ weight }) => weight,
  result: () => 'done',
});

/** Computes the longest chain of jobs without the scheduler. */
function criticalPath(jobs: readonly Job[], duration: (job: Job) => number): number {
  const ends = new Map<string, number>();
  for (const job of jobs)
    ends.set(
      job.id,
      duration(job) + Math.max(0, ...[...job.needs, ...job.after].map((id) => ends.get(id) ?? 0)),
    );
  return Math.max(0, ...ends.values());
}

test('2,000 graphs: a run takes at most critical path + work / limit, and is close to the lower bound', () => {
  const ratios: number[] = [];
  for (let seed = 1; seed <= 2_000; seed++) {
    const random = seededRandom(seed);
    const jobs = randomJobs(random);
    const limit = 1 + Math.floor(random() * 8);
    const { expectedMs, boundMs } = forecast(jobs, { limit });
    const path = criticalPath(jobs, ({ weight }) => weight);
    const work = jobs.reduce((sum, { weight }) => sum + weight, 0);
    assert.is(boundMs, Math.max(path, work / limit), `seed ${seed}`);
    assert.ok(expectedMs <= path + work / limit, `seed ${seed}: ${expectedMs} > ${path} + ${work / limit}`);
    assert.ok(expectedMs >= boundMs - 1, `seed ${seed}: faster than possible`);
    ratios.push(expectedMs / boundMs);
  }
  ratios.sort((a, b) => a - b);
  const [median, worst] = [ratios[1_000]!, ratios.at(-1)!];
  assert.ok(median < 1.01 && worst < 1.4, `median ${median}, worst ${worst}`);
});

test('1,000 graphs with failures and unexpected durations: the upper bound, the limit and the order hold', () => {
  for (let seed = 1; seed <= 1_000; seed++) {
    const random = seededRandom(seed);
    const jobs = randomJobs(random);
    const limit = 1 + Math.floor(random() * 8);
    const real = new Map(jobs.map(({ id, weight }) => [id, Math.round(weight * (0.3 + 3 * random()))]));
    const failing = new Set(jobs.filter(() => random() < 0.08).map(({ id }) => id));
    const duration = ({ id }: Job): number => real.get(id)!;
    const result = ({ id }: Job): 'done' | 'failed' => (failing.has(id) ? 'failed' : 'done');
    const keepGoing = random() < 0.7;
    const { ran, lengthMs } = simulate(jobs, { limit, keepGoing, duration, result });

    const work = [...real.values()].reduce((sum, ms) => sum + ms, 0);
    assert.ok(lengthMs <= criticalPath(jobs, duration) + work / limit, `seed ${seed}`);
    const moments = [...ran.values()].map(({ startMs }) => startMs);
    for (const at of moments) {
      const busy = [...ran.values()].filter(({ startMs, endMs }) => startMs <= at && at < endMs).length;
      assert.ok(busy <= limit, `seed ${seed}: ${busy} at once`);
    }
    for (const job of jobs) {
      const own = ran.get(job.id);
      const reached = job.needs.every((id) => ran.has(id) && !failing.has(id));
      if (own === undefined) assert.ok(!keepGoing || !reached, `seed ${seed}: ${job.id} did not run`);
      else {
        assert.ok(reached, `seed ${seed}: ${job.id} before its needs`);
        for (const id of [...job.needs, ...job.after])
          assert.ok((ran.get(id)?.endMs ?? 0) <= own.startMs, `seed ${seed}: ${job.id} too early`);
      }
    }
  }
});

test('1,000 graphs with limits per kind: all jobs run, not below the lower bound, and as soon as the limits allow', () => {
  for (let seed = 1; seed <= 1_000; seed++) {
    const random = seededRandom(seed);
    const jobs = randomJobs(random).map((job) => ({ ...job, kind: random() < 0.5 ? 'build' : 'run' }));
    const rules = {
      limit: 1 + Math.floor(random() * 8),
      limits: { build: 1 + Math.floor(random() * 4), run: 1 + Math.floor(random() * 4) },
    };
    const { expectedMs, boundMs } = forecast(jobs, rules);
    assert.ok(expectedMs >= boundMs - 1, `seed ${seed}: faster than possible`);
    const { ran } = simulate(jobs, { ...withoutFailures(rules.limit), ...rules });
    assert.is(ran.size, jobs.length);
    const kindOf = new Map(jobs.map(({ id, kind }) => [id, kind]));
    for (const job of jobs) {
      const { startMs } = ran.get(job.id)!;
      const before = [...job.needs, ...job.after];
      const readyMs = Math.max(0, ...before.map((id) => ran.get(id)?.endMs ?? 0));
      if (readyMs === startMs) continue;
      // It waited after its needs were done, so a limit must have been reached.
      const at = (readyMs + startMs) / 2;
      const busy = [...ran].filter(([, own]) => own.startMs <= at && at < own.endMs).map(([id]) => id);
      const own = busy.filter((id) => kindOf.get(id) === job.kind).length;
      assert.ok(
        busy.length === rules.limit || own === rules.limits[job.kind as 'build' | 'run'],
        `seed ${seed}: ${job.id} could have run`,
      );
    }
  }
});

test('the simulation is deterministic', () => {
  const jobs = randomJobs(seededRandom(7));
  assert.equal(simulate(jobs, withoutFailures(3)), simulate(jobs, withoutFailures(3)));
});

test('of jobs with the same layers one runs first, but no job waits if it could run', () => {
  const job = (id: string, weight: number, layers?: string): Job => ({
    id,
    needs: [],
    after: [],
    weight,
    allowFailure: false,
    ...(layers !== undefined ? { layers } : {}),
  });
  const jobs = [job('a1', 90, 'a'), job('a2', 80, 'a'), job('a3', 70, 'a'), job('b', 50), job('c', 45)];
  const starts = (limit: number): Record<string, number> =>
    Object.fromEntries(
      [...simulate(jobs, withoutFailures(limit)).ran].map(([id, { startMs }]) => [id, startMs]),
    );
  assert.equal(starts(2), { a1: 0, b: 0, c: 50, a2: 90, a3: 95 });
  assert.equal(starts(4), { a1: 0, b: 0, c: 0, a2: 0, a3: 45 });
});

test('leading layers depend on instructions up to the first RUN, their args and the needed images', () => {
  const manifest = (...lines: ManifestLine[]): Manifest => ({ schema: 1, lines });
  const from: ManifestLine = ['step', '0 0', 'FROM $BASE'];
  const run: ManifestLine = ['step', '0 1', 'RUN apt-get install $PG'];
  const base: ManifestLine = ['need', 'BASE', 'base:1 key'];
  const arg = (name: string, value: string): ManifestLine => ['arg', name, value];
  const rest: ManifestLine = ['step', '0 2', 'RUN make $VERSION'];
  const one = leadingLayers(manifest(from, run, base, arg('PG', '16'), arg('VERSION', '1'), rest));
  assert.is(one, leadingLayers(manifest(from, run, base, arg('PG', '16'), arg('VERSION', '2'))));
  assert.is.not(one, leadingLayers(manifest(from, run, base, arg('PG', '17'), arg('VERSION', '1'))));
  assert.is.not(one, leadingLayers(manifest(from, run, ['need', 'BASE', 'base:2 key'], arg('PG', '16'))));
  assert.is(leadingLayers(manifest(from, base)), undefined);
});

test.run();
