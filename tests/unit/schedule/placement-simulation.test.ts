import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { BuilderNode } from '../../../src/model/builder-node.ts';
import { forecast, type SimulatedRun, simulate } from '../../../src/schedule/forecast.ts';
import { type Job, pathLengths } from '../../../src/schedule/job.ts';
import { eligibleNodes } from '../../../src/schedule/placement.ts';
import { seededRandom } from '../../support/random.ts';
import { randomChains, randomJobs, randomNodes, withPlatforms } from '../../support/random-jobs.ts';

const test = suite('placement, simulated');

/** A simulated run, and what its nodes fetched from each other. */
interface NodeRun extends SimulatedRun {
  readonly transfers: number;
  readonly transferMs: number;
}

/** Runs jobs on nodes. An image takes a tenth of its build to fetch, once for each node that has not built it. */
function runOnNodes(jobs: readonly Job[], nodes: readonly BuilderNode[], limit: number): NodeRun {
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const holders = new Map<string, Set<string>>();
  let [transfers, transferMs] = [0, 0];
  const fetch = (id: string, node: string): number => {
    const held = holders.get(id);
    if (held === undefined || held.has(node)) return 0;
    held.add(node);
    const ms = byId.get(id)!.weight / 10;
    [transfers, transferMs] = [transfers + 1, transferMs + ms];
    return ms;
  };
  const run = simulate(jobs, {
    limit,
    keepGoing: false,
    nodes,
    duration: (job, node) => {
      if (node === undefined) return job.weight;
      holders.set(job.id, new Set([node]));
      return job.weight + job.needs.reduce((sum, id) => sum + fetch(id, node), 0);
    },
    result: () => 'done',
  });
  return { ...run, transfers, transferMs };
}

/** Returns the work divided by the jobs that can do it, summed over the platforms and this machine. */
function spreadWork(jobs: readonly Job[], nodes: readonly BuilderNode[], limit: number): number {
  const slots = (job: Job): number =>
    job.platform === undefined ? limit : eligibleNodes(nodes, job).reduce((sum, node) => sum + node.jobs, 0);
  return jobs.reduce((sum, job) => sum + job.weight / slots(job), 0);
}

test('1,000 graphs on 1 to 16 nodes: bounds of the duration, eligible nodes only, and no node is waited for', () => {
  for (let seed = 1; seed <= 1_000; seed++) {
    const random = seededRandom(seed);
    const jobs = withPlatforms(randomJobs(random), random);
    const nodes = randomNodes(random);
    const limit = 1 + Math.floor(random() * 4);
    const { ran, lengthMs, transferMs } = runOnNodes(jobs, nodes, limit);
    assert.is(ran.size, jobs.length, `seed ${seed}`);

    const path = Math.max(...pathLengths(jobs).values());
    const bound = path + spreadWork(jobs, nodes, limit) + transferMs;
    assert.ok(lengthMs <= bound + 1e-6, `seed ${seed}: ${lengthMs} > ${bound}`);
    const { boundMs, expectedMs } = forecast(jobs, { limit, nodes });
    assert.ok(expectedMs >= boundMs - 1e-6, `seed ${seed}: faster than possible`);

    for (const job of jobs) {
      const { node } = ran.get(job.id)!;
      const able = eligibleNodes(nodes, job).map(({ name }) => name);
      if (job.platform === undefined) assert.is(node, undefined);
      else assert.ok(able.includes(node!), `seed ${seed}: ${job.id} on ${node}`);
    }
    for (const each of ran.values()) {
      const busy = [...ran.values()].filter(
        ({ node, startMs, endMs }) => node === each.node && startMs <= each.startMs && each.startMs < endMs,
      ).length;
      const jobLimit = each.node === undefined ? limit : nodes.find(({ name }) => name === each.node)!.jobs;
      assert.ok(busy <= jobLimit, `seed ${seed}: ${busy} at once on ${each.node}`);
    }
    for (const job of jobs) {
      const { startMs } = ran.get(job.id)!;
      const readyMs = Math.max(0, ...[...job.needs, ...job.after].map((id) => ran.get(id)!.endMs));
      if (readyMs === startMs || job.platform === undefined) continue;
      const at = (readyMs + startMs) / 2;
      for (const { name, jobs: most } of eligibleNodes(nodes, job)) {
        const busy = [...ran.values()].filter(
          ({ node, startMs: from, endMs }) => node === name && from <= at && at < endMs,
        ).length;
        assert.is(busy, most, `seed ${seed}: ${job.id} waited, and ${name} could run it`);
      }
    }
  }
});

test('1,000 sets of chains: at most half the transfers of random placement', () => {
  let [all, allAtRandom] = [0, 0];
  for (let seed = 1; seed <= 1_000; seed++) {
    const random = seededRandom(seed);
    const jobs = randomChains(random);
    const nodes = randomNodes(random);
    const { transfers } = runOnNodes(jobs, nodes, 1);
    const atRandom = jobs
      .filter(({ needs }) => needs.length > 0)
      .reduce((sum, job) => sum + 1 - 1 / eligibleNodes(nodes, job).length, 0);
    assert.ok(transfers <= atRandom, `seed ${seed}: ${transfers} transfers, at random ${atRandom}`);
    all += transfers;
    allAtRandom += atRandom;
  }
  assert.ok(all <= allAtRandom / 2, `${all} transfers, at random ${allAtRandom}`);
});

test('chains that fit on the nodes fetch nothing', () => {
  const chain = (name: string): Job[] =>
    [1, 2, 3, 4].map((number) => ({
      id: `${name}-${number}`,
      needs: number === 1 ? [] : [`${name}-${number - 1}`],
      after: [],
      weight: 100 * number,
      allowFailure: false,
      platform: 'linux/amd64',
    }));
  const nodes = ['a', 'b'].map((name) => ({
    name,
    platforms: ['linux/amd64'],
    native: 'linux/amd64',
    jobs: 2,
  }));
  assert.is(runOnNodes([...chain('w'), ...chain('x'), ...chain('y'), ...chain('z')], nodes, 1).transfers, 0);
});

test('the same jobs and nodes give the same run', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const run = (): NodeRun => {
      const random = seededRandom(seed);
      return runOnNodes(withPlatforms(randomJobs(random), random), randomNodes(random), 2);
    };
    assert.equal([...run().ran], [...run().ran]);
  }
});

test('1,000 graphs that lose nodes: each job is tried at most twice, and never on a lost node', () => {
  for (let seed = 1; seed <= 1_000; seed++) {
    const random = seededRandom(seed);
    const jobs = withPlatforms(randomJobs(random), random);
    const nodes = randomNodes(random);
    const killers = new Set(jobs.filter(() => random() < 0.03).map(({ id }) => id));
    const lost = new Set<string>();
    const tries = new Map<string, number>();
    const failed = new Set<string>();
    const { ran } = simulate(jobs, {
      limit: 2,
      keepGoing: true,
      nodes,
      duration: (job, node) => {
        if (node !== undefined) assert.not.ok(lost.has(node), `seed ${seed}: ${job.id} on a lost node`);
        tries.set(job.id, (tries.get(job.id) ?? 0) + 1);
        return job.weight;
      },
      result: ({ id }, node) => {
        if (node === undefined) return 'done';
        if (killers.has(id)) lost.add(node);
        if (lost.has(node)) failed.add(id);
        else failed.delete(id);
        return lost.has(node) ? 'lost' : 'done';
      },
    });
    assert.ok(Math.max(...tries.values()) <= 2, `seed ${seed}`);
    assert.ok(lost.size <= 2 * killers.size, `seed ${seed}: ${lost.size} nodes`);
    const rest = nodes.filter(({ name }) => !lost.has(name));
    for (const job of jobs) {
      const canRun = job.platform === undefined || eligibleNodes(rest, job).length > 0;
      const isReached = job.needs.every((id) => ran.has(id) && !failed.has(id));
      if (canRun && isReached) assert.ok(ran.has(job.id), `seed ${seed}: ${job.id} did not run`);
      if (failed.has(job.id) && canRun)
        assert.is(tries.get(job.id), 2, `seed ${seed}: ${job.id} was not tried elsewhere`);
    }
  }
});

test.run();
