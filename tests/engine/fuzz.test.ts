// The promise of keys, against a real BuildKit: random Dockerfiles and contexts, one random change each. A key that stays
// must mean that BuildKit finds every step cached and makes the same image; what we send must make the image that docker
// makes of the whole folder. TASKS_FUZZ=1000 runs more trials, TASKS_FUZZ_SEED=n the ones of a seed.
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../src/define/index.ts';
import { type EngineApi, readCapabilities } from '../../src/engine/api.ts';
import { type Client, processProbe, requireClient } from '../../src/engine/client.ts';
import { dockerEngine } from '../../src/engine/docker.ts';
import { resolveEndpoint } from '../../src/engine/endpoint.ts';
import { openMemo } from '../../src/incremental/memo.ts';
import { DefinitionError } from '../../src/model/errors.ts';
import type { ObservedImage } from '../../src/model/observed.ts';
import type { ImageTask } from '../../src/model/task.ts';
import { busybox } from '../support/busybox.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { fuzzCases } from '../support/fuzz-cases.ts';
import type { ProjectChange } from '../support/fuzz-changes.ts';
import { commonSyntaxChanges, commonSyntaxStates } from '../support/fuzz-common-syntax.ts';
import { dockerfileOf, nameOfStage, type ProjectState, writeProject } from '../support/fuzz-projects.ts';
import { rareSyntaxChanges, rareSyntaxStates } from '../support/fuzz-rare-syntax.ts';
import { graphOf, makeKeys, observe } from '../support/graphs.ts';
import { tempFolder } from '../support/temp.ts';

const test = suite('keys against BuildKit');
const trials = Number(process.env.TASKS_FUZZ ?? 12);
const seed = Number(process.env.TASKS_FUZZ_SEED ?? 20261124);
const label = 'image-tasks.fuzz';
const live = new AbortController().signal;
const base = `tasks-fuzz-${process.pid}:base`;

let api: EngineApi;
let client: Client;

/** docker's own build of the folder: the image, and whether every step was cached; undefined where it fails. */
function reference(root: string, state: ProjectState): { imageId: string; isCached: boolean } | undefined {
  // A name that no build had before: docker compares folders of one name by size and time alone.
  const [iid, metadata] = [path.join(root, 'iid'), path.join(root, 'metadata')];
  const described = client.buildx === undefined ? [] : [`--metadata-file=${metadata}`];
  const context = path.join(root, `c-${path.basename(root)}`);
  execFileSync('cp', ['-a', path.join(root, 'c'), context]);
  const args = Object.entries({ ...state.args, BASE: base }).flatMap(([name, value]) => [
    '--build-arg',
    `${name}=${value}`,
  ]);
  const ran = spawnSync(
    client.path,
    [
      'build',
      '--progress=plain',
      `--iidfile=${iid}`,
      ...described,
      `--label=${label}=1`,
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
    imageId:
      client.buildx === undefined
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

/** Our key, and the image that what we would send makes. */
async function ours(
  root: string,
  state: ProjectState,
): Promise<{ key: string; isVague: boolean; build: () => Promise<string> }> {
  const graph = graphOf({
    t: image({
      name: 't',
      context: 'c',
      args: { ...state.args, BASE: base },
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
    const work = path.join(root, 'work');
    mkdirSync(work);
    const request = {
      task: task.id,
      context: observed.context.map((entry) => ({ entry, source: path.join(root, 'c', entry.path) })),
      dockerfile: observed.dockerfile,
      ...(task.target === undefined ? {} : { target: task.target }),
      platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
      network: 'default',
      args: task.args,
      labels: task.labels,
      noCache: false,
      secrets: {},
      work,
    };
    const silent = { step: () => undefined, line: () => undefined };
    return (await dockerEngine(process.env, { signal: live }).build(request, silent, live))!.imageId;
  };
  return { key, isVague: observed.vague.length > 0, build };
}

/** The same; undefined for a Dockerfile that we refuse, where docker refuses it as well. */
async function oursOrNone(
  root: string,
  state: ProjectState,
  isBuilt: boolean,
): Promise<Awaited<ReturnType<typeof ours>> | undefined> {
  try {
    return await ours(root, state);
  } catch (error) {
    if (error instanceof DefinitionError && !isBuilt) return undefined;
    throw error;
  }
}

const otherImage = 'what we send makes another image than the whole folder';
const tally = { trials: 0, reused: 0, cached: 0, needless: 0, declaredArgs: 0, targets: 0, vague: 0 };
const needless: string[] = [];

/** Everything that is needed to look at a disagreement by hand, and to keep it as one of the cases. */
const show = (before: ProjectState, after: ProjectState, what: string): string =>
  `${what}\n${dockerfileOf(before)}--- becomes\n${dockerfileOf(after)}--- as a case: ${JSON.stringify({ what, before, after })}`;

/** docker 20.10 sends folders of which nothing is let in, and reads exceptions before what they are of in its own way. */
function asEngineReads(state: ProjectState): ProjectState {
  if (client.buildx !== undefined) return state;
  const ignore = state.ignore.filter((line) => line !== '!d/e/c');
  const isException = (line: string): boolean => line.startsWith('!');
  return {
    ...state,
    ignore: [...ignore.filter((line) => !isException(line)), ...ignore.filter(isException)],
  };
}

interface Compared {
  readonly isReused: boolean;
  /** BuildKit finds every step cached, and the image is the same. */
  readonly isSame: boolean;
  readonly isVague: boolean;
}

/** Builds both, with docker alone and with what we would send. Undefined where the first cannot be built. */
async function compare(
  before: ProjectState,
  after: ProjectState,
  what: string,
): Promise<Compared | undefined> {
  const [first, second] = [writeProject(before), writeProject(after)];
  if (first === undefined || second === undefined) return undefined;
  const one = reference(first, before);
  if (one === undefined) return undefined;
  const shown = show(before, after, what);
  const mine = await ours(first, before);
  assert.is(await mine.build(), one.imageId, `before: ${otherImage}: ${shown}`);
  const two = reference(second, after);
  const other = await oursOrNone(second, after, two !== undefined);
  if (other === undefined) return { isReused: false, isSame: false, isVague: false };
  const { key, isVague, build } = other;
  if (two !== undefined) assert.is(await build(), two.imageId, `after: ${otherImage}: ${shown}`);
  const isReused = key === mine.key;
  // The image, not the word CACHED: 20.10 says DONE of a WORKDIR on scratch whose result it had.
  const isSound = !isReused || two?.imageId === one.imageId;
  assert.ok(isSound, `the key stays, but BuildKit makes another image: ${shown}`);
  const isSame = two?.isCached === true && two.imageId === one.imageId;
  return { isReused, isSame, isVague: isVague || mine.isVague };
}

async function trial(random: ProjectState, change: ProjectChange): Promise<void> {
  const before = asEngineReads(random);
  const after = asEngineReads(change.apply(random));
  const compared = await compare(before, after, change.what);
  if (compared === undefined) return;
  const { isReused, isSame, isVague } = compared;
  tally.trials++;
  if (isReused) tally.reused++;
  if (isSame) tally.cached++;
  if (!isSame || isReused) return;
  // A declared arg counts, used or not: newer engines write its value into the image's history.
  if (change.what.startsWith('args')) tally.declaredArgs++;
  // A target by another name is another definition.
  else if (before.target !== undefined && change.what.startsWith('stages are called')) tally.targets++;
  // Everything counts where the base image's own variables decide, which only the build knows.
  else if (isVague) tally.vague++;
  else {
    tally.needless++;
    needless.push(show(before, after, change.what));
  }
}

test.before(async () => {
  api = await connectTestEngine();
  client = await requireClient(process.env, resolveEndpoint(process.env), processProbe(process.env, live));
  const root = tempFolder();
  mkdirSync(path.join(root, 'bin'));
  for (const name of ['sh', 'ls', 'cat', 'echo']) copyFileSync(busybox(), path.join(root, 'bin', name));
  writeFileSync(path.join(root, 'Dockerfile'), 'FROM scratch\nCOPY bin /bin\n');
  execFileSync(client.path, ['build', '--quiet', `--tag=${base}`, `--label=${label}=base`, root], {
    env: { ...process.env, ...client.env },
  });
});
test.after(async () => await removeImages(api, label));

for (const { what, before, after, reused } of fuzzCases) {
  test(`kept: ${what}`, async () => {
    const compared = await compare(asEngineReads(before), asEngineReads(after), what);
    assert.ok(compared, 'it cannot be built');
    assert.is(compared.isReused, reused);
  });
}

async function fuzz(states: fc.Arbitrary<ProjectState>, changes: fc.Arbitrary<ProjectChange>): Promise<void> {
  Object.assign(tally, {
    trials: 0,
    reused: 0,
    cached: 0,
    needless: 0,
    declaredArgs: 0,
    targets: 0,
    vague: 0,
  });
  needless.length = 0;
  const found = await fc.check(fc.asyncProperty(states, changes, trial), { numRuns: trials, seed });
  // fast-check's own report shows the shrunk values; what was wrong with them is what one wants to read first.
  const { message } = (found.errorInstance ?? {}) as { message?: string };
  assert.not.ok(found.failed, `${message}\n(path ${found.counterexamplePath})`);
  if (process.env.TASKS_FUZZ_REPORT)
    appendFileSync(process.env.TASKS_FUZZ_REPORT, `${JSON.stringify(tally)}\n${needless.join('\n---\n')}\n`);
  assert.ok(tally.trials > trials / 4, `too few of them could be built: ${JSON.stringify(tally)}`);
}

test(`${trials} trials with seed ${seed}: no unsound reuse, and what is sent is what counts`, async () => {
  await fuzz(commonSyntaxStates, commonSyntaxChanges);
  assert.ok(tally.needless <= Math.max(1, tally.cached * 0.02), `needless builds:\n${needless.join('\n')}`);
});

test(`${trials} trials with seed ${seed} of odd forms: quotes, escapes, names, mounts, heredocs, line ends`, async () => {
  const { heredocs } = await readCapabilities(api);
  await fuzz(rareSyntaxStates(heredocs), rareSyntaxChanges(heredocs));
  assert.ok(tally.needless <= Math.max(1, tally.cached * 0.05), `needless builds:\n${needless.join('\n')}`);
});

test.run();
