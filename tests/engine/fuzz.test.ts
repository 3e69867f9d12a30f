// Tests keys against a real BuildKit with random Dockerfiles and contexts, and one random change to each. If the key stays the
// same, BuildKit must build the same image. The context that tasks sends must give the same image as docker's build of the whole
// folder. TASKS_FUZZ=1000 runs more trials; TASKS_FUZZ_SEED=n sets the seed.

import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../src/define/index.ts';
import type { EngineApi } from '../../src/engine/api.ts';
import { dockerEngine } from '../../src/engine/docker.ts';
import { abilitiesOf, readEngineVersion } from '../../src/engine/queries.ts';
import { openMemo } from '../../src/incremental/memo.ts';
import { DefinitionError } from '../../src/model/errors.ts';
import type { ObservedImage } from '../../src/model/observed.ts';
import type { ImageTask } from '../../src/model/task.ts';
import { prepareDockerfile } from '../../src/observe/prepare-dockerfile.ts';
import { buildPlatformArgs } from '../../src/run/image-step.ts';
import { requestFor, silent } from '../support/build-request.ts';
import { busybox } from '../support/busybox.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { type DockerClient, findDockerClient } from '../support/docker-client.ts';
import { fuzzCases } from '../support/fuzz-cases.ts';
import type { ProjectChange } from '../support/fuzz-changes.ts';
import { commonSyntaxChanges, commonSyntaxStates } from '../support/fuzz-common-syntax.ts';
import { platformSyntaxChanges, platformSyntaxStates } from '../support/fuzz-platform-syntax.ts';
import { dockerfileOf, nameOfStage, type ProjectState, writeProject } from '../support/fuzz-projects.ts';
import { rareSyntaxChanges, rareSyntaxStates } from '../support/fuzz-rare-syntax.ts';
import { graphOf, makeKeys, observe } from '../support/graphs.ts';
import { otherPlatform, ownPlatform } from '../support/release.ts';
import { tempFolder } from '../support/temp.ts';

const test = suite('keys against BuildKit');
const trials = Number(process.env.TASKS_FUZZ ?? 12);
const seed = Number(process.env.TASKS_FUZZ_SEED ?? 20261124);
const label = 'image-tasks.fuzz';
const live = new AbortController().signal;
const base = (platform: string): string => `tasks-fuzz-${process.pid}:${platform.replaceAll('/', '-')}`;

/** The build args of a project. */
const argsOf = ({ args, platform = ownPlatform }: ProjectState): Readonly<Record<string, string>> => ({
  ...args,
  BASE: base(platform),
  OWN_BASE: base(ownPlatform),
  OTHER_BASE: base(otherPlatform),
});

let api: EngineApi;
const client = findDockerClient() as DockerClient;
const compareTest: typeof test.skip =
  client === undefined
    ? (name) => test.skip(`${name} (skipped: no docker client here builds with BuildKit)`)
    : test;

/** Builds the whole folder with docker. Returns the image and whether every step was cached; undefined if the build fails. */
function buildWithDocker(
  root: string,
  state: ProjectState,
): { imageId: string; isCached: boolean } | undefined {
  // A new name for each build: docker compares files of a folder with the same name by size and time only.
  const [iid, metadata] = [path.join(root, 'iid'), path.join(root, 'metadata')];
  const metadataFlags = !client.hasBuildx ? [] : [`--metadata-file=${metadata}`];
  const context = path.join(root, `c-${path.basename(root)}`);
  execFileSync('cp', ['-a', path.join(root, 'c'), context]);
  const args = Object.entries(argsOf(state)).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  const ran = spawnSync(
    client.path,
    [
      'build',
      '--progress=plain',
      `--iidfile=${iid}`,
      ...metadataFlags,
      `--label=${label}=1`,
      `--platform=${state.platform ?? ownPlatform}`,
      ...targetOf(state),
      ...args,
      context,
    ],
    {
      encoding: 'utf8',
      env: { ...process.env, ...client.env },
    },
  );
  rmSync(context, { recursive: true });
  if (ran.status !== 0) return undefined;
  const steps = [...ran.stderr.matchAll(/^#(\d+) \[(?!internal)[^\]]*\d+\/\d+\] (?!FROM)/gm)].map(
    (match) => match[1]!,
  );
  const cached = new Set([...ran.stderr.matchAll(/^#(\d+) CACHED/gm)].map((match) => match[1]!));
  return {
    imageId: !client.hasBuildx
      ? readFileSync(iid, 'utf8').trim()
      : (JSON.parse(readFileSync(metadata, 'utf8')) as Record<string, string>)['containerimage.digest']!,
    isCached: [...new Set(steps)].every((step) => cached.has(step)),
  };
}

function targetOf(state: ProjectState): string[] {
  return state.target === undefined
    ? []
    : [`--target=${nameOfStage(state, state.target % state.stages.length)}`];
}

/** Returns the key that tasks computes, and a function that builds the image as tasks does. */
async function planWithTasks(
  root: string,
  state: ProjectState,
): Promise<{ key: string; isVague: boolean; build: () => Promise<string> }> {
  const graph = graphOf({
    t: image({
      name: 't',
      context: 'c',
      args: argsOf(state),
      platforms: [state.platform ?? ownPlatform],
      labels: { [label]: '1' },
      ...(state.target === undefined
        ? {}
        : { target: nameOfStage(state, state.target % state.stages.length) }),
    }),
  });
  const memo = openMemo(path.join(root, 'memo'), (message) => {
    throw new Error(message);
  });
  const observations = await observe(graph, ['t:latest'], {
    root,
    memo,
    environment: {},
    now: new Date(0),
    programId: 'fuzz',
    lock: new Map(),
  });
  const { key } = makeKeys(graph, new Set(['t:latest']), observations).get('t:latest')!;
  const observed = observations.get('t:latest') as ObservedImage;
  const task = graph.tasks.get('t:latest') as ImageTask;
  const build = async (): Promise<string> => {
    const { dockerfile } = await prepareDockerfile(observed.dockerfile, [], [], false);
    const context = observed.context.map((entry) => ({ entry, source: path.join(root, 'c', entry.path) }));
    const request = requestFor(context, '', {
      task: task.id,
      dockerfile,
      ...(task.target === undefined ? {} : { target: task.target }),
      platform: task.platform,
      args: { ...buildPlatformArgs(observed, dockerfile.text, ownPlatform), ...task.args },
      labels: task.labels,
    });
    return (await dockerEngine(process.env, { signal: live }).build(request, silent, live))!.imageId;
  };
  return { key, isVague: observed.vague.length > 0, build };
}

/** Like `planWithTasks`; undefined if both tasks and docker reject the Dockerfile. */
async function tryPlanWithTasks(
  root: string,
  state: ProjectState,
  dockerBuilds: boolean,
): Promise<Awaited<ReturnType<typeof planWithTasks>> | undefined> {
  try {
    return await planWithTasks(root, state);
  } catch (error) {
    if (error instanceof DefinitionError && !dockerBuilds) return undefined;
    throw error;
  }
}

const otherImage = 'the context that tasks sends gives another image than the whole folder';
const tally = {
  trials: 0,
  reused: 0,
  cached: 0,
  needless: 0,
  declaredArgs: 0,
  targets: 0,
  froms: 0,
  vague: 0,
};
const needless: string[] = [];

/** Formats a difference so that it can be reproduced by hand and added to the fuzz cases. */
const describe = (before: ProjectState, after: ProjectState, what: string): string =>
  `${what}\n${dockerfileOf(before)}--- becomes\n${dockerfileOf(after)}--- as a case: ${JSON.stringify({ what, before, after })}`;

/**
 * Removes .dockerignore lines that docker 20.10 treats differently: it sends folders whose whole content is ignored, and
 * exceptions that come before the pattern.
 */
function adaptToEngine(state: ProjectState): ProjectState {
  if (client.hasBuildx) return state;
  const ignore = state.ignore.filter((line) => line !== '!d/e/c');
  const isException = (line: string): boolean => line.startsWith('!');
  return {
    ...state,
    ignore: [...ignore.filter((line) => !isException(line)), ...ignore.filter(isException)],
  };
}

interface Comparison {
  readonly isReused: boolean;
  /** BuildKit finds every step in its cache, and the image is the same. */
  readonly isSame: boolean;
  readonly isVague: boolean;
}

/** Builds both states with docker and with tasks. Undefined if docker cannot build the first one. */
async function compare(
  before: ProjectState,
  after: ProjectState,
  what: string,
): Promise<Comparison | undefined> {
  const [rootBefore, rootAfter] = [writeProject(before), writeProject(after)];
  if (rootBefore === undefined || rootAfter === undefined) return undefined;
  const dockerBefore = buildWithDocker(rootBefore, before);
  if (dockerBefore === undefined) return undefined;
  const description = describe(before, after, what);
  const tasksBefore = await planWithTasks(rootBefore, before);
  assert.is(await tasksBefore.build(), dockerBefore.imageId, `before: ${otherImage}: ${description}`);
  const dockerAfter = buildWithDocker(rootAfter, after);
  const tasksAfter = await tryPlanWithTasks(rootAfter, after, dockerAfter !== undefined);
  if (tasksAfter === undefined) return { isReused: false, isSame: false, isVague: false };
  if (dockerAfter !== undefined)
    assert.is(await tasksAfter.build(), dockerAfter.imageId, `after: ${otherImage}: ${description}`);
  const isReused = tasksAfter.key === tasksBefore.key;
  const isSameImage = dockerAfter?.imageId === dockerBefore.imageId;
  // Compares images, not the word CACHED: docker 20.10 prints DONE for a cached WORKDIR on scratch.
  assert.ok(!isReused || isSameImage, `the key stays, but BuildKit builds another image: ${description}`);
  const isSame = dockerAfter?.isCached === true && isSameImage;
  return { isReused, isSame, isVague: tasksAfter.isVague || tasksBefore.isVague };
}

async function trial(random: ProjectState, change: ProjectChange): Promise<void> {
  const before = adaptToEngine(random);
  const after = adaptToEngine(change.apply(random));
  const compared = await compare(before, after, change.what);
  if (compared === undefined) return;
  const { isReused, isSame, isVague } = compared;
  tally.trials++;
  if (isReused) tally.reused++;
  if (isSame) tally.cached++;
  if (!isSame || isReused) return;
  // A declared arg counts even if it is unused: newer engines write its value into the image's history.
  if (change.what.startsWith('args')) tally.declaredArgs++;
  // A renamed target is another definition.
  else if (before.target !== undefined && change.what.startsWith('stages are called')) tally.targets++;
  // What FROM says counts, even if it means the same platform and image.
  else if (change.what.startsWith('FROM of')) tally.froms++;
  // Everything counts if the result depends on the base image's own variables, which only the build knows.
  else if (isVague) tally.vague++;
  else {
    tally.needless++;
    needless.push(describe(before, after, change.what));
  }
}

test.before(async () => {
  if (client === undefined) return;
  api = await connectTestEngine();
  const root = tempFolder();
  mkdirSync(path.join(root, 'bin'));
  for (const name of ['sh', 'ls', 'cat', 'echo']) copyFileSync(busybox(), path.join(root, 'bin', name));
  writeFileSync(path.join(root, 'Dockerfile'), 'FROM scratch\nCOPY bin /bin\n');
  for (const platform of [ownPlatform, otherPlatform])
    execFileSync(
      client.path,
      [
        'build',
        '--quiet',
        `--tag=${base(platform)}`,
        `--platform=${platform}`,
        `--label=${label}=base`,
        root,
      ],
      { env: { ...process.env, ...client.env } },
    );
});
test.after(async () => {
  if (client !== undefined) await removeImages(api, label);
});

for (const { what, before, after, reused } of fuzzCases) {
  compareTest(`regression case: ${what}`, async () => {
    const comparison = await compare(adaptToEngine(before), adaptToEngine(after), what);
    assert.ok(comparison, 'docker cannot build it');
    assert.is(comparison.isReused, reused);
  });
}

compareTest(
  'of docker and tasks, the second to build has every step in the cache, in both orders',
  async () => {
    for (const first of ['docker', 'tasks']) {
      const state: ProjectState = {
        // No earlier run has these steps in the cache.
        files: {
          a: { text: `${first} ${randomUUID()}`, isProgram: false },
          'd/b': { text: 'b', isProgram: true },
        },
        ignore: ['d/c'],
        // Another run of this step would give another image.
        stages: [
          { from: 'base', lines: ['COPY a /', 'COPY d /d', 'RUN cat /proc/sys/kernel/random/uuid > /id'] },
        ],
        args: {},
      };
      const root = writeProject(state)!;
      const { build } = await planWithTasks(root, state);
      const built = first === 'tasks' ? await build() : undefined;
      const docker = buildWithDocker(root, state)!;
      if (built !== undefined) assert.ok(docker.isCached);
      assert.is(built ?? (await build()), docker.imageId, `${first} first`);
    }
  },
);

async function fuzz(states: fc.Arbitrary<ProjectState>, changes: fc.Arbitrary<ProjectChange>): Promise<void> {
  Object.assign(tally, {
    trials: 0,
    reused: 0,
    cached: 0,
    needless: 0,
    declaredArgs: 0,
    targets: 0,
    froms: 0,
    vague: 0,
  });
  needless.length = 0;
  const found = await fc.check(fc.asyncProperty(states, changes, trial), { numRuns: trials, seed });
  // fast-check's own report starts with the shrunk values; show the error first.
  const { message } = (found.errorInstance ?? {}) as { message?: string };
  assert.not.ok(found.failed, `${message}\n(path ${found.counterexamplePath})`);
  if (process.env.TASKS_FUZZ_REPORT)
    appendFileSync(process.env.TASKS_FUZZ_REPORT, `${JSON.stringify(tally)}\n${needless.join('\n---\n')}\n`);
  assert.ok(tally.trials > trials / 4, `too few projects could be built: ${JSON.stringify(tally)}`);
}

compareTest(
  `${trials} trials with seed ${seed}: no unsound reuse, and the same images as docker`,
  async () => {
    await fuzz(commonSyntaxStates, commonSyntaxChanges);
    assert.ok(tally.needless <= Math.max(1, tally.cached * 0.02), `needless builds:\n${needless.join('\n')}`);
  },
);

compareTest(
  `${trials} trials with seed ${seed} of platforms: FROM --platform, args about the build and the target`,
  async () => {
    await fuzz(platformSyntaxStates, platformSyntaxChanges);
    assert.ok(tally.needless <= Math.max(1, tally.cached * 0.05), `needless builds:\n${needless.join('\n')}`);
  },
);

compareTest(
  `${trials} trials with seed ${seed} of rare syntax: quotes, escapes, names, mounts, heredocs, line ends`,
  async () => {
    const { frontend } = abilitiesOf(await readEngineVersion(api));
    const heredocs = frontend === undefined || frontend.minor >= 4;
    await fuzz(rareSyntaxStates(heredocs), rareSyntaxChanges(heredocs));
    assert.ok(tally.needless <= Math.max(1, tally.cached * 0.05), `needless builds:\n${needless.join('\n')}`);
  },
);

test.run();
