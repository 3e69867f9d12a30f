import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sha256 } from '../../../src/disk/sha256.ts';
import type { ObservedBase } from '../../../src/model/observed.ts';
import { StepFailed } from '../../../src/model/ports.ts';
import {
  type NeedPlace,
  type PreparedDockerfile,
  prepareDockerfile,
} from '../../../src/observe/prepare-dockerfile.ts';
import { tempFolder } from '../../support/temp.ts';

const test = suite('a Dockerfile as it is built');
const pin = `sha256:${'d'.repeat(64)}`;

function makeDockerfile(content: string | Buffer, name = 'Dockerfile') {
  const source = path.join(tempFolder(), name);
  writeFileSync(source, content);
  return { source, digest: sha256(Buffer.from(content)) };
}

interface Places {
  readonly bases?: readonly ObservedBase[];
  readonly needs?: readonly NeedPlace[];
}

async function prepare(
  content: string | Buffer,
  { bases = [], needs = [] }: Places,
  namedContexts = true,
): Promise<PreparedDockerfile & { readonly text: string }> {
  const prepared = await prepareDockerfile(makeDockerfile(content), bases, needs, namedContexts);
  return { ...prepared, text: Buffer.from(prepared.dockerfile.text).toString() };
}

const base = (reference: string, line: number, digest: string | undefined = pin): ObservedBase => ({
  reference,
  line,
  platform: 'linux/amd64',
  ...(digest === undefined ? {} : { digest }),
});
const need = (written: string, line: number, name = 'base'): NeedPlace => ({
  written,
  line,
  name: `tasks.invalid/${name}:1-k`,
  exactTag: `tasks.invalid/${name}:exact`,
});

async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    assert.instance(error, StepFailed);
    return (error as StepFailed).message;
  }
  throw new Error('it did not fail');
}

const everyPlace = `ARG BASE
FROM $BASE AS one
COPY --from=$BASE --chown=0 /a /a
RUN --mount=type=bind,from=\${BASE},target=/b --mount=target=/c,from=\${BASE} cat /b
FROM scratch
ADD a b
COPY --from=one $BASE /x
`;
const placesOfBase = [need('$BASE', 2), need('$BASE', 3), need('${BASE}', 4), need('${BASE}', 4)];

test('names of needs, wherever an instruction has one: content tags, which named contexts replace', async () => {
  const { text, usesNamedContexts } = await prepare(everyPlace, { needs: placesOfBase });
  assert.is(usesNamedContexts, true);
  assert.is(
    text,
    everyPlace
      .replace('FROM $BASE', 'FROM tasks.invalid/base:1-k')
      .replaceAll('from=$BASE', 'from=tasks.invalid/base:1-k')
      .replaceAll('from=${BASE}', 'from=tasks.invalid/base:1-k'),
  );
});

test('without named contexts: tags that do not move', async () => {
  const withNames = (await prepare(everyPlace, { needs: placesOfBase })).text;
  const { text, usesNamedContexts } = await prepare(everyPlace, { needs: placesOfBase }, false);
  assert.is(usesNamedContexts, false);
  assert.is(text, withNames.replaceAll('base:1-k', 'base:exact'));
});

test('the frontend of a syntax line decides about named contexts, not the engine', async () => {
  const [old, recent] = ['1.2', '1.7'].map(
    (version) => `# syntax=docker/dockerfile:${version}\nFROM $BASE\n`,
  );
  const needs = [need('$BASE', 2)];
  assert.match((await prepare(old!, { needs })).text, 'FROM tasks.invalid/base:exact\n');
  assert.match((await prepare(recent!, { needs }, false)).text, 'FROM tasks.invalid/base:1-k\n');
});

test('pinned base images have their digest in place of their tag; others stay as they are', async () => {
  const text = `# syntax=docker/dockerfile:1
FROM debian:12 AS a
FROM host:5000/team/debian:12 AS b
FROM host:5000/debian AS c
COPY --from=busybox:1 /bin /bin
RUN --mount=from=alpine:3,target=/m true
FROM ubuntu:24.04
`;
  const bases = [
    base('docker/dockerfile:1', 1),
    base('debian:12', 2),
    base('host:5000/team/debian:12', 3),
    base('host:5000/debian', 4),
    base('busybox:1', 5),
    base('alpine:3', 6),
    { reference: 'ubuntu:24.04', line: 7, platform: 'linux/amd64' },
  ];
  const expected = text
    .replace('dockerfile:1', `dockerfile@${pin}`)
    .replaceAll('debian:12', `debian@${pin}`)
    .replace('host:5000/debian ', `host:5000/debian@${pin} `)
    .replace('busybox:1', `busybox@${pin}`)
    .replace('alpine:3', `alpine@${pin}`);
  assert.is((await prepare(text, { bases })).text, expected);
});

test('several names on a line, also one that begins like another, and the same one twice', async () => {
  const text =
    'FROM scratch\nRUN --mount=from=$A,target=/a --mount=from=$AB,target=/b --mount=from=$A,target=/c --mount=from=d:1,target=/$A echo $A\n';
  const places = {
    needs: [need('$A', 2, 'a'), need('$AB', 2, 'ab'), need('$A', 2, 'a')],
    bases: [base('d:1', 2)],
  };
  assert.is(
    (await prepare(text, places)).text,
    `FROM scratch\nRUN --mount=from=tasks.invalid/a:1-k,target=/a --mount=from=tasks.invalid/ab:1-k,target=/b --mount=from=tasks.invalid/a:1-k,target=/c --mount=from=d@${pin},target=/$A echo $A\n`,
  );
});

test('a stage with the name of an image stays a stage', async () => {
  const text =
    'FROM debian AS debian\nFROM debian\nCOPY --from=debian a b\nFROM $BASE AS base\nCOPY --from=base a b\n';
  const places = { bases: [base('debian', 1)], needs: [need('$BASE', 4)] };
  assert.is(
    (await prepare(text, places)).text,
    `FROM debian@${pin} AS debian\nFROM debian\nCOPY --from=debian a b\nFROM tasks.invalid/base:1-k AS base\nCOPY --from=base a b\n`,
  );
});

test('line endings, a byte order mark and the lines of steps stay, also of instructions on several lines', async () => {
  const text =
    '\uFEFFARG BASE\nFROM \\\n  # why\n  $BASE \\\n  AS x\nCOPY \\\n --from=debian:12 \\\n a b\nRUN make\n';
  for (const end of ['\n', '\r\n']) {
    const written = text.replaceAll('\n', end);
    const prepared = await prepare(written, { needs: [need('$BASE', 2)], bases: [base('debian:12', 6)] });
    assert.is(prepared.text.split('\n').length, written.split('\n').length);
    assert.ok(prepared.text.startsWith(`\uFEFFARG BASE${end}`));
    assert.match(prepared.text, `FROM   tasks.invalid/base:1-k   AS x${end}`);
    assert.match(prepared.text, `--from=debian@${pin}  a b${end}RUN make${end}`);
    assert.is(
      prepared.text.split('\n').findIndex((line) => line.startsWith('RUN')),
      8,
    );
    const linesOf = (number: number, instruction: string) =>
      prepared.dockerfile.linesOf({ stage: 'x', number, total: 3, text: instruction });
    assert.equal(linesOf(1, 'FROM tasks.invalid/base:1-k'), { line: 2, endLine: 5 });
    assert.equal(linesOf(2, 'COPY --from=debian a b'), { line: 6, endLine: 8 });
    assert.equal(linesOf(3, 'RUN make'), { line: 9, endLine: 9 });
  }
});

test('without anything to replace, the bytes stay, whatever they are', async () => {
  const bytes = Buffer.concat([Buffer.from('FROM scratch\r\n# '), Buffer.from([0xff, 0xfe, 0x80, 10])]);
  const bases = [{ reference: 'debian', line: 1, platform: 'linux/amd64' }];
  const { dockerfile } = await prepareDockerfile(makeDockerfile(bytes, 'app.Dockerfile'), bases, [], true);
  assert.ok(bytes.equals(dockerfile.text));
  assert.is(dockerfile.name, 'app.Dockerfile');
});

test('images in a file that is not UTF-8 cannot be replaced', async () => {
  const bytes = Buffer.concat([Buffer.from('FROM debian\n# '), Buffer.from([0xff, 10])]);
  assert.match(
    await failureOf(prepare(bytes, { bases: [base('debian', 1)] })),
    /is not UTF-8 text, so its images cannot be pinned$/,
  );
});

test('a name that cannot be replaced is an error with its line', async () => {
  const text = 'FROM scratch\nCOPY --from=other a b\n';
  assert.match(
    await failureOf(prepare(text, { bases: [base('debian', 2)] })),
    /^line 2: cannot replace debian/,
  );
});

test('a file that is not the one that was hashed fails the step', async () => {
  const dockerfile = makeDockerfile('FROM a\n');
  writeFileSync(dockerfile.source, 'FROM b\n');
  assert.is(
    await failureOf(prepareDockerfile(dockerfile, [], [], true)),
    `${dockerfile.source} changed while the task was running; run again`,
  );
  rmSync(dockerfile.source);
  assert.match(
    await failureOf(prepareDockerfile(dockerfile, [], [], true)),
    /changed while the task was running/,
  );
});

test.run();
