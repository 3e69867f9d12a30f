import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { analyze } from '../../../src/dockerfile/analyze.ts';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';
import { placeholderFor } from '../../../src/dockerfile/placeholder.ts';

const test = suite('need references');
const needs = { BASE: placeholderFor('BASE'), TOOLS: placeholderFor('TOOLS') };
const analysisOf = (text: string, args: Record<string, string> = {}, target?: string) =>
  analyze(parseDockerfile(text), target, { args: { ...needs, ...args }, platform: 'linux/amd64' });
const describeImages = (text: string, args?: Record<string, string>, target?: string) => {
  const { neededImages, mixedNames, externalImages } = analysisOf(text, args, target);
  return [
    ...neededImages.map(({ arg, line, written }) => `${line} is ${arg}, written ${written}`),
    ...mixedNames.map(({ line, found, args: names }) => `${line} is partly ${names}: ${found}`),
    ...externalImages.map(({ line, reference }) => `${line} ${reference}`),
  ];
};

/** [a Dockerfile, the images that its names mean] */
const files: [string, string[]][] = [
  ['ARG BASE\nFROM $BASE', ['2 is BASE, written $BASE']],
  ['ARG BASE\nFROM ${BASE} AS x', ['2 is BASE, written ${BASE}']],
  ['ARG BASE\nFROM "$BASE"', ['2 is BASE, written "$BASE"']],
  ['ARG BASE=debian\nFROM ${BASE:-alpine}', ['2 is BASE, written ${BASE:-alpine}']],
  ['ARG BASE\nARG B=${BASE}\nFROM $B', ['3 is BASE, written $B']],
  ['ARG BASE\nFROM ${BASE:+debian}', ['2 debian']],
  ['ARG BASE\nFROM ${BASE}-extra', ['2 is partly BASE: FROM ${BASE}-extra']],
  ['ARG BASE\nFROM $BASE:1.2', ['2 is partly BASE: FROM $BASE:1.2']],
  ['ARG BASE\nFROM registry.example/$BASE', ['2 is partly BASE: FROM registry.example/$BASE']],
  ['ARG BASE\nFROM $BASE$TOOLS', ['2 is BASE, written $BASE$TOOLS']],
  ['ARG BASE\nARG TOOLS\nFROM $BASE$TOOLS', ['3 is partly BASE,TOOLS: FROM $BASE$TOOLS']],
  ['ARG BASE\nARG B=${BASE}-x\nFROM $B', ['3 is partly BASE: FROM $B (${BASE}-x)']],
  ['ARG BASE\nARG B=a\nARG C=$BASE$B\nARG D=$C\nFROM $D', ['5 is partly BASE: FROM $D (${BASE}a)']],
  ['ARG BASE\nFROM ${BASE%:*}:2', ['2 is partly BASE: FROM ${BASE%:*}:2']],
  ['ARG BASE\nFROM ${BASE##*/}', ['2 is partly BASE: FROM ${BASE##*/}']],
  ['ARG BASE\nFROM ${BASE/tasks.invalid/debian}', ['2 is partly BASE: FROM ${BASE/tasks.invalid/debian}']],
  ['ARG BASE\nARG O=a\nFROM ${O#$BASE}', ['3 is partly BASE: FROM ${O#$BASE}']],
  ['ARG BASE\nFROM img-$BUILDARCH-$BASE', ['2 is partly BASE: FROM img-$BUILDARCH-$BASE']],
  ['FROM scratch\nARG BASE\nCOPY --from=$BASE / /', ['3 is BASE, written $BASE']],
  ['FROM scratch\nCOPY --from=${BASE} / /', ['2 is BASE, written ${BASE}']],
  ['FROM scratch\nARG BASE\nCOPY --from=${BASE}x / /', ['3 is partly BASE: COPY --from=${BASE}x']],
  ['FROM scratch\nCOPY --from=${BASE}x / /', ['2 is partly BASE: COPY --from=${BASE}x']],
  ['FROM scratch\nARG BASE\nARG T=$BASE\nCOPY --from=$T / /', ['4 is BASE, written $T']],
  [
    'FROM scratch\nARG BASE\nARG T=${BASE}y\nCOPY --from=$T / /',
    ['4 is partly BASE: COPY --from=$T (${BASE}y)'],
  ],
  ['FROM scratch\nCOPY --new --from=${BASE}x / /', ['2 is partly BASE: COPY --from=${BASE}x']],
  ['FROM scratch\nRUN --mount=from=$BASE,target=/m true', ['2 is BASE, written $BASE']],
  [
    'FROM scratch\nRUN --mount=type=cache,from=$BASE-x,target=/m true',
    ['2 is partly BASE: RUN --mount=…,from=$BASE-x'],
  ],
  ['ARG BASE\nFROM scratch AS a\nONBUILD COPY --from=$BASE / /\nFROM a', ['3 is BASE, written $BASE']],
  // A need's value may be used as plain text: the need's key covers it.
  [
    'ARG BASE\nFROM $BASE\nARG BASE\nENV B=${BASE##*/}\nRUN echo $BASE ${BASE%x}',
    ['2 is BASE, written $BASE'],
  ],
  ['FROM debian\nARG BASE\nRUN echo ${BASE}-extra', ['1 debian']],
  // Stages that the target doesn't depend on don't matter.
  ['ARG BASE\nFROM ${BASE}-extra AS unused\nFROM debian', ['3 debian']],
];
for (const [text, expected] of files)
  test(text.replaceAll('\n', ' ⏎ '), () => assert.equal(describeImages(`${text}\n`), expected));

test('a default that contains a need does not matter if the definition sets the arg', () => {
  const text = 'ARG BASE\nARG B=${BASE}-x\nFROM $B\n';
  assert.equal(describeImages(text, { B: 'debian' }), ['3 debian']);
  assert.equal(describeImages('ARG BASE\nARG B=${BASE}-x\nFROM $B-$BUILDARCH\n', { B: 'debian' }), []);
});

test('a path that contains a need makes everything count', () => {
  for (const copy of ['COPY ${BASE##*:} /x', 'COPY $BASE /x', 'RUN --mount=source=$BASE,target=/m true']) {
    const { seen, vague } = analysisOf(`FROM scratch\nARG BASE\n${copy}\n`);
    assert.is(seen, undefined);
    assert.is(vague.length, 1);
  }
});

test('images that only the build knows are reported: of a base, an unsupported mount, a custom frontend', () => {
  const unknown = (text: string, args?: Record<string, string>): string[] =>
    analysisOf(text, args).unknownImages.map(({ line, what }) => `${line} ${what}`);
  assert.equal(unknown('FROM img-$BUILDARCH\n'), ['1 img-$BUILDARCH']);
  assert.equal(unknown('FROM scratch\nRUN --mount="type=bind",from=x,target=/m true\n'), []);
  assert.equal(unknown(`FROM scratch\nRUN --mount='type=bind,"from=x",target=/m' true\n`), [
    '2 the image that this RUN reads from',
  ]);
  assert.equal(unknown('# syntax=example/other\nx\n'), ['1 what the frontend example/other builds on']);
  assert.equal(unknown('FROM scratch\n', { BUILDKIT_SYNTAX: 'example/other' }), [
    '1 what the frontend example/other builds on',
  ]);
  assert.equal(unknown('FROM scratch\n', { BUILDKIT_SYNTAX: 'docker/dockerfile:1' }), [
    '1 BUILDKIT_SYNTAX (docker/dockerfile:1)',
  ]);
  assert.equal(
    unknown(`FROM scratch\n`, { BUILDKIT_SYNTAX: `docker/dockerfile@sha256:${'a'.repeat(64)}` }),
    [],
  );
});

test('unpinned images that ONBUILD copies from are reported for the stage with the ONBUILD', () => {
  const text = `FROM scratch\nONBUILD COPY --from=debian:12 / /\nONBUILD COPY --from=x@sha256:${'a'.repeat(64)} / /\nONBUILD COPY . /\n`;
  assert.equal(analysisOf(text).triggerImages, ['debian:12']);
  assert.equal(analysisOf(`${text}FROM scratch\n`).triggerImages, []);
});

test('property: a name is a need reference exactly if its text depends on the need', () => {
  const part = fc.constantFrom(
    '${BASE}',
    '${BASE:-x}',
    '${BASE:+y}',
    '${O}',
    'debian',
    '_',
    '/',
    ':1',
    '${BASE#x}',
  );
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
      const name = parts.join('');
      const { neededImages, mixedNames, externalImages } = analysisOf(`ARG BASE\nARG O=o\nFROM ${name}\n`);
      const depends = parts.some((each) => ['${BASE}', '${BASE:-x}', '${BASE#x}'].includes(each));
      const isWhole = parts.length === 1 && name !== '${BASE#x}' && depends;
      assert.equal(
        [neededImages.length, mixedNames.length, externalImages.length],
        [Number(isWhole), Number(depends && !isWhole), Number(!depends)],
        name,
      );
    }),
  );
});

test.run();
