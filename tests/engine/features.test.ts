// The table of features of Dockerfile frontends against the engine's own: a Dockerfile is built exactly where the table says so.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { analyze } from '../../src/dockerfile/analyze.ts';
import { type FeatureName, missingFeatures } from '../../src/dockerfile/features.ts';
import { parseDockerfile } from '../../src/dockerfile/parse.ts';
import { dockerEngine } from '../../src/engine/docker.ts';
import type { FrontendVersion } from '../../src/model/frontend.ts';
import { type BuildRequest, type Engine, StepFailed } from '../../src/model/ports.ts';
import { contextOfFolder, requestFor, silent } from '../support/build-request.ts';
import { busybox } from '../support/busybox.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { tempFolder, writeFiles } from '../support/temp.ts';

const test = suite('features of the engine');
const label = 'image-tasks.features-test';
const live = new AbortController().signal;
let engine: Engine;
let frontend: FrontendVersion | undefined;
let root: string;
let server: Server;

test.before(async () => {
  await connectTestEngine();
  engine = dockerEngine(process.env, { signal: live });
  ({ frontend } = await engine.abilities());
  root = tempFolder();
  writeFiles(root, { 'a/b': 'b\n', x: 'x\n', 'bin/': '' });
  for (const name of ['sh', 'true', 'test']) execFileSync('cp', [busybox(), path.join(root, 'bin', name)]);
  execFileSync('tar', ['-cf', path.join(root, 'x.tar'), '-C', root, 'x']);
  server = createServer((request, response) => {
    response.statusCode = request.url === '/x' ? 200 : 404;
    response.end(request.url === '/x' ? 'x\n' : '');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
test.after(async () => {
  server.close();
  server.closeAllConnections();
  await removeImages(await connectTestEngine(), label);
});

interface Example {
  readonly text: string;
  /** How the error of a frontend that has the feature begins, where the build cannot succeed. */
  readonly error?: RegExp;
  readonly more?: Partial<BuildRequest>;
}

const xDigest = '73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac';
const base = 'FROM scratch AS base\nCOPY bin /bin\n';
/** The host of the server above is `HOST`. */
const examples: Readonly<Record<FeatureName, Example>> = {
  heredoc: { text: `${base}RUN <<EOF\ntrue\nEOF\n` },
  'ADD --link': { text: 'FROM scratch\nADD --link x /\n' },
  'COPY --link': { text: 'FROM scratch\nCOPY --link x /\n' },
  'ADD --checksum': { text: `FROM scratch\nADD --checksum=sha256:${xDigest} http://HOST/x /\n` },
  'ADD --keep-git-dir': {
    text: 'FROM scratch\nADD --keep-git-dir=true http://HOST/a.git /\n',
    error: /\bgit (?:error|stderr)/,
  },
  'ADD git': { text: 'FROM scratch\nADD http://HOST/a.git /\n', error: /\bgit (?:error|stderr)/ },
  'ADD --unpack': { text: `${base}ADD --unpack=true x.tar /y/\nRUN test -f /y/x\n` },
  'ADD --exclude': { text: `${base}ADD --exclude=b a /y/\nRUN test ! -e /y/b\n` },
  'COPY --exclude': { text: `${base}COPY --exclude=b a /y/\nRUN test ! -e /y/b\n` },
  'COPY --parents': { text: `${base}COPY --parents a/b /y/\nRUN test -f /y/a/b\n` },
  'chmod variable': { text: `${base}ARG M=755\nCOPY --chmod=$M x /\nRUN test -x /x\n` },
  'chmod symbolic': { text: `${base}COPY --chmod=+x x /\nRUN test -x /x\n` },
  'HEALTHCHECK --start-interval': {
    text: 'FROM scratch\nCOPY x /\nHEALTHCHECK --start-interval=5s CMD true\n',
  },
  'RUN --network': { text: `${base}RUN --network=none true\n` },
  'RUN --security': { text: `${base}RUN --security=sandbox true\n` },
  'RUN --device': {
    text: `${base}RUN --device=example.com/x true\n`,
    error: /^(?!.*(?:unknown flag|only supported)).*device/i,
  },
  'tmpfs from': { text: `${base}FROM base\nRUN --mount=type=tmpfs,from=base,target=/m true\n` },
  'tmpfs size': { text: `${base}RUN --mount=type=tmpfs,size=1m,target=/m true\n` },
  'secret env': {
    text: `${base}RUN --mount=type=secret,id=s,env=S test "$S" = hunter2\n`,
    more: { secrets: { s: { env: 'TASKS_FEATURES_SECRET' } } },
  },
  'unset modifier': { text: `${base}ENV A=\${B-b}\${PATH+c}\nRUN test "$A" = bc\n` },
  'pattern modifier': { text: `${base}ENV A=abc\nENV B=\${A#a}\${A%c}\${A/b/x}\nRUN test "$B" = bcabaxc\n` },
};

/** A crash of the engine. */
const dangerous: ReadonlySet<FeatureName> = new Set(['tmpfs from']);

for (const [name, { text: written, error: expected, more }] of Object.entries(examples) as [
  FeatureName,
  Example,
][])
  test(name, async () => {
    const { port } = server.address() as AddressInfo;
    const text = written.replaceAll('HOST', `127.0.0.1:${port}`);
    const { features } = analyze(parseDockerfile(text), undefined, { args: {}, platform: 'linux/amd64' });
    const used = features.filter((feature) => feature.name === name);
    assert.is(used.length, 1, 'the example uses the feature');
    // An engine newer than the table.
    if (frontend === undefined) return;
    const isMissing = missingFeatures(used, frontend).length > 0;
    if (isMissing && dangerous.has(name)) return;
    const said = await build(text, more);
    const isBuilt = said === undefined || expected?.test(said) === true;
    assert.is(isBuilt, !isMissing, `frontend 1.${frontend.minor}: ${said ?? 'it was built'}`);
  });

/** Builds an image. Returns the engine's error; undefined if it was built. */
async function build(text: string, more: Partial<BuildRequest> = {}): Promise<string | undefined> {
  const request = requestFor(contextOfFolder(root), text, {
    labels: { [label]: '1' },
    noCache: true,
    ...more,
  });
  try {
    await dockerEngine({ ...process.env, TASKS_FEATURES_SECRET: 'hunter2' }, { signal: live }).build(
      request,
      silent,
      live,
    );
    return undefined;
  } catch (error) {
    assert.instance(error, StepFailed, String(error));
    return (error as StepFailed).message;
  }
}

test.run();
