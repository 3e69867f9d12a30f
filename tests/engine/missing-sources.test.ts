// Sources that a build context does not have: what a plan says of them, and what the engine does.
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../src/define/index.ts';
import { plainDisk } from '../../src/disk/disk.ts';
import type { EngineApi } from '../../src/engine/api.ts';
import { dockerEngine } from '../../src/engine/docker.ts';
import { openMemo } from '../../src/incremental/memo.ts';
import type { BuildBlock } from '../../src/model/observed.ts';
import { type ContextEntry, StepFailed } from '../../src/model/ports.ts';
import { listContext } from '../../src/observe/build-context.ts';
import { observeAll, openObserver } from '../../src/observe/observer.ts';
import { readListed } from '../../src/observe/walk.ts';
import { requestFor, silent } from '../support/build-request.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { graphOf } from '../support/graphs.ts';
import { tempFolder, writeFiles } from '../support/temp.ts';

const test = suite('missing sources with docker');
const label = 'image-tasks.missing-sources-test';
let api: EngineApi;

test.before(async () => {
  api = await connectTestEngine();
});
test.after(async () => {
  await removeImages(api, label);
});

const files = {
  f: 'f',
  'd/x': 'x',
  'd/y': 'y',
  'e/': '',
  link: { link: 'f' },
  folder: { link: 'd' },
  absolute: { link: '/d/x' },
  dangling: { link: 'gone' },
  outside: { link: '../../gone' },
  hidden: { link: 'ignored/a' },
  loop: { link: 'loop' },
  'ignored/a': 'a',
  'ignored/b': 'b',
  'whole/z': 'z',
  'empty/z': 'z',
  '.dockerignore': 'ignored\n!ignored/b\nwhole\nempty/*\n',
} as const;

/**
 * `blocked`: the plan says that a path is missing, and the engine fails for that. `builds`: neither. `fails`: the engine may fail, and
 * the plan leaves it to the engine: what it does depends on its version or its cache.
 */
type Verdict = 'blocked' | 'builds' | 'fails';

const cases: readonly (readonly [instructions: string, verdict: Verdict])[] = [
  ['COPY f /', 'builds'],
  ['COPY nope /', 'blocked'],
  ['COPY f nope /x/', 'blocked'],
  ['COPY F /', 'blocked'],
  ['COPY ["f", "/"]', 'builds'],
  ['COPY ["no pe", "/"]', 'blocked'],
  ['COPY "f" /', 'builds'],
  ['COPY "nope" /', 'blocked'],
  ['COPY f\\\\ /', 'fails'],
  ['COPY d /', 'builds'],
  ['COPY e /', 'builds'],
  ['COPY . /', 'builds'],
  ['COPY "" /', 'builds'],
  ['COPY d/nope /', 'blocked'],
  ['COPY f/x /', 'blocked'],
  // Other ways to write a path.
  ['COPY ./f /', 'builds'],
  ['COPY ./d/../f /', 'builds'],
  ['COPY d//x /', 'builds'],
  ['COPY d/ /', 'builds'],
  ['COPY d/. /', 'builds'],
  ['COPY f/ /', 'builds'],
  ['COPY f/. /', 'builds'],
  ['COPY nope/. /', 'blocked'],
  ['COPY /f /', 'builds'],
  ['COPY /nope /', 'blocked'],
  ['COPY ../f /', 'builds'],
  ['COPY ../../nope /', 'blocked'],
  // Links.
  ['COPY link /', 'builds'],
  ['COPY folder /', 'builds'],
  ['COPY folder/x /', 'builds'],
  ['COPY folder/nope /', 'blocked'],
  ['COPY absolute /', 'builds'],
  ['COPY dangling /', 'blocked'],
  ['COPY dangling/x /', 'blocked'],
  ['COPY outside /', 'blocked'],
  ['COPY hidden /', 'blocked'],
  ['COPY loop /', 'fails'],
  // Patterns.
  ['COPY n* /', 'builds'],
  ['COPY f nope* /x/', 'builds'],
  ['COPY d/n* /', 'builds'],
  ['COPY d/? /', 'builds'],
  ['COPY d/[z] /', 'builds'],
  ['COPY e/* /', 'builds'],
  ['COPY */x /', 'builds'],
  ['COPY */nope /', 'builds'],
  ['COPY dangl* /', 'fails'],
  ['COPY nope/*/x /', 'fails'],
  ['ADD nope/x* /', 'fails'],
  ['COPY d/x* nope /x/', 'blocked'],
  // Ignored paths.
  ['COPY ignored /', 'builds'],
  ['COPY ignored/a /', 'blocked'],
  ['COPY ignored/b /', 'builds'],
  ['COPY ignored/a* /', 'builds'],
  ['COPY whole /', 'blocked'],
  ['COPY empty /', 'builds'],
  ['COPY empty/z /', 'blocked'],
  // Variables.
  ['ARG S=f\nCOPY $S /', 'builds'],
  ['ARG S=nope\nCOPY $S /', 'blocked'],
  ['ARG S=no*\nCOPY $S /', 'builds'],
  ['ARG S\nCOPY f$S /', 'builds'],
  ['ENV S=d\nCOPY ${S}/nope /', 'blocked'],
  // Other instructions and flags.
  ['ADD f /', 'builds'],
  ['ADD nope /', 'blocked'],
  ['ADD no* /', 'builds'],
  ['COPY --chown=1:1 nope /', 'blocked'],
  ['COPY --link f /', 'builds'],
  ['COPY --link nope /', 'blocked'],
  ['COPY --exclude=x nope /', 'fails'],
  ['COPY --parents nope /', 'fails'],
  ['COPY <<A /x\nq\nA', 'builds'],
  ['COPY <<A nope /x/\nq\nA', 'blocked'],
  ['COPY git@host:nope /', 'fails'],
  ['RUN --mount=type=bind,source=nope,target=/m ["/x"]', 'blocked'],
  ['RUN --mount=source=/nope,target=/m ["/x"]', 'blocked'],
  ['RUN --mount=source=n*,target=/m ["/x"]', 'blocked'],
  ['RUN --mount=source=hidden,target=/m ["/x"]', 'blocked'],
  ['RUN --mount=source=f,target=/m ["/x"]', 'fails'],
  ['RUN --mount=source=folder/x,target=/m ["/x"]', 'fails'],
  ['RUN --mount=type=cache,source=nope,target=/m ["/x"]', 'fails'],
  // Other stages and contexts.
  ['COPY nope /\nFROM scratch\nCOPY f /', 'builds'],
  ['COPY nope /\nFROM scratch\nCOPY --from=0 /nope /', 'blocked'],
  ['COPY f /\nFROM scratch\nCOPY --from=0 /f /', 'builds'],
  ['COPY f /\nFROM scratch\nCOPY --from=0 /nope /', 'fails'],
  ['COPY --from=context nope /', 'fails'],
  ['ONBUILD COPY nope /\nCOPY f /', 'builds'],
];

const root = tempFolder();
writeFiles(root, Object.fromEntries(Object.entries(files).map(([name, text]) => [`app/${name}`, text])));
const memo = openMemo(path.join(root, '.cache/memo'), assert.unreachable);

/** Returns what a plan says of a Dockerfile. */
async function blocksOf(dockerfile: string): Promise<readonly BuildBlock[]> {
  writeFiles(root, { Dockerfile: dockerfile });
  const app = image({ name: 'app', context: 'app', dockerfile: 'Dockerfile' });
  const observer = openObserver({
    root,
    depsLogFile: path.join(tempFolder(), 'traces'),
    memo,
    environment: {},
    now: new Date(0),
    programId: 'test',
    lock: new Map(),
    warn: assert.unreachable,
  });
  const observed = (await observeAll(graphOf({ app }).tasks.values(), observer)).get('app:latest')!;
  assert.is(observed.kind, 'image');
  return observed.kind === 'image' ? (observed.blocks ?? []) : [];
}

/** Builds with everything that the ignore file leaves. Returns the failure. */
async function buildFailure(dockerfile: string): Promise<StepFailed | undefined> {
  const context = path.join(root, 'app');
  const sources = { root, disk: plainDisk, readOnce: <T>(_: string, read: () => T): T => read() };
  const entries = listContext(context, undefined, sources, ({ message }) => assert.unreachable(message)).map(
    (file): ContextEntry => ({ entry: readListed(file, memo), source: file.absolute }),
  );
  const { signal } = new AbortController();
  const engine = dockerEngine(process.env as Record<string, string>, { signal });
  try {
    await engine.build(requestFor(entries, dockerfile, { labels: { [label]: '1' } }), silent, signal);
    return undefined;
  } catch (error) {
    assert.instance(error, StepFailed, String(error));
    return error as StepFailed;
  }
}

for (const [instructions, verdict] of cases)
  test(`${instructions.replaceAll('\n', '; ')}: ${verdict}`, async () => {
    const dockerfile = `FROM scratch\n${instructions}\n`;
    const blocks = await blocksOf(dockerfile);
    assert.is(blocks.length > 0, verdict === 'blocked', blocks[0]?.message);
    const failure = await buildFailure(dockerfile);
    // Docker 20.10 does not know all of the syntax: then a plan says nothing that matters.
    if (verdict === 'fails' || ['syntax', 'unknown-instruction'].includes(failure?.facts.cause ?? '')) return;
    assert.is(failure !== undefined, verdict === 'blocked', failure?.message);
    if (failure !== undefined) assert.is(failure.facts.cause, 'missing-file', failure.message);
  });

test.run();
