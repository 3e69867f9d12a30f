import type { BuilderNode } from '../../src/model/builder-node.ts';
import type { Job } from '../../src/schedule/job.ts';

/** Returns up to 60 jobs that take 0.1 s to 20 minutes, most of them short. Each needs up to three earlier jobs. */
export function randomJobs(random: () => number): Job[] {
  const number = 1 + Math.floor(random() * 60);
  const density = random();
  return Array.from({ length: number }, (_, index): Job => {
    const earlier = (): string[] =>
      index > 0 && random() < density ? [`job-${Math.floor(random() * index)}`] : [];
    return {
      id: `job-${index}`,
      needs: [...new Set([...earlier(), ...earlier(), ...earlier()])],
      after: random() < 0.1 ? earlier() : [],
      weight: Math.round(100 + 1_200_000 * random() ** 4),
      allowFailure: random() < 0.1,
      ...(random() < 0.5 ? { layers: `layers-${Math.floor(random() * 5)}` } : {}),
    };
  });
}

/** Returns chains of two to six jobs; the jobs of a chain have one platform. */
export function randomChains(random: () => number): Job[] {
  const chains = 1 + Math.floor(random() * 30);
  return Array.from({ length: chains }, (_, chain) => {
    const platform = random() < 0.7 ? 'linux/amd64' : 'linux/arm64';
    return Array.from(
      { length: 2 + Math.floor(random() * 5) },
      (_, index): Job => ({
        id: `chain-${chain}-${index}`,
        needs: index === 0 ? [] : [`chain-${chain}-${index - 1}`],
        after: [],
        weight: Math.round(100 + 1_200_000 * random() ** 4),
        allowFailure: false,
        platform,
      }),
    );
  }).flat();
}

/** Gives most jobs a platform; the others run on this machine. */
export function withPlatforms(jobs: readonly Job[], random: () => number): Job[] {
  return jobs.map((job) => {
    if (random() < 0.1) return job;
    const platform = random() < 0.7 ? 'linux/amd64' : 'linux/arm64';
    return { ...job, platform, ...(random() < 0.1 ? { buildPlatform: 'linux/amd64' } : {}) };
  });
}

/** Returns 1 to 16 nodes of both platforms, some of which emulate the other one. The first ones run everything. */
export function randomNodes(random: () => number): BuilderNode[] {
  const number = 1 + Math.floor(random() * 16);
  const jobs = 1 + Math.floor(random() * 3);
  return Array.from({ length: number }, (_, index): BuilderNode => {
    const native = index === 0 || random() < 0.6 ? 'linux/amd64' : 'linux/arm64';
    const emulated = native === 'linux/amd64' ? 'linux/arm64' : 'linux/amd64';
    const emulates = index === 0 || random() < 0.3;
    return {
      name: `node-${index}`,
      platforms: emulates ? [native, emulated] : [native],
      native,
      jobs: random() < 0.1 ? 4 : jobs,
    };
  });
}
