import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { analyze } from '../../../src/dockerfile/analyze.ts';
import { type FeatureName, missingFeatures } from '../../../src/dockerfile/features.ts';
import { findModifiers } from '../../../src/dockerfile/modifiers.ts';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';

const test = suite('features of Dockerfile frontends');

function featuresOf(
  text: string,
  args: Record<string, string> = {},
  target?: string,
): [FeatureName, number][] {
  const { features } = analyze(parseDockerfile(text), target, { args, platform: 'linux/amd64' });
  return features.map(({ name, line }) => [name, line]);
}

/** [an instruction, the features that it uses] */
const instructions: readonly [string, ...FeatureName[]][] = [
  ['RUN <<EOF\nx\nEOF', 'heredoc'],
  ['ONBUILD COPY <<EOF /x\nx\nEOF', 'heredoc'],
  ['RUN ["<<EOF"]'],
  ['COPY --link a /', 'COPY --link'],
  ['ADD --link a /', 'ADD --link'],
  ['ONBUILD COPY --link a /'],
  ['ADD --checksum=sha256:0 http://h/a /', 'ADD --checksum'],
  ['ADD --keep-git-dir=true https://h/a.git /', 'ADD --keep-git-dir', 'ADD git'],
  ['ADD https://h/a.git#main /', 'ADD git'],
  ['ADD git@h:a/b /', 'ADD git'],
  ['ADD https://h/a.tar /'],
  ['ADD github.com/a/b /'],
  ['COPY git@h:a/b /'],
  ['ADD --unpack a.tar /', 'ADD --unpack'],
  ['COPY --exclude=x a /', 'COPY --exclude'],
  ['ADD --exclude=x a /', 'ADD --exclude'],
  ['COPY --parents a/b /', 'COPY --parents'],
  ['COPY --chmod=0755 a /'],
  ['COPY --chmod=$M a /', 'chmod variable'],
  ['COPY --chmod=u=rwX,go=rX a /', 'chmod symbolic'],
  ['HEALTHCHECK --start-interval=5s CMD true', 'HEALTHCHECK --start-interval'],
  ['HEALTHCHECK --interval=5s CMD true'],
  ['RUN --network=none x', 'RUN --network'],
  ['RUN --security=sandbox x', 'RUN --security'],
  ['RUN --device=x x', 'RUN --device'],
  ['RUN --mount=type=TMPFS,from=s,target=/m x', 'tmpfs from'],
  ['ONBUILD RUN --mount=type=tmpfs,from=s,target=/m x', 'tmpfs from'],
  ['RUN --mount=type=tmpfs,target=/m,size=1m x', 'tmpfs size'],
  ['RUN --mount=type=secret,id=x,env=X x', 'secret env'],
  ['RUN --mount=type=secret,id=env x'],
  ['ENV A=${B-x}', 'unset modifier'],
  ['ENV A=${B:-x}'],
  ['LABEL a="${B#x}"', 'pattern modifier'],
  ["LABEL a='${B#x}'"],
  ['WORKDIR /${B//x/y}', 'pattern modifier'],
  ['WORKDIR /\\${B/x/y}'],
  ['RUN echo ${B#x} ${B-x}'],
  ['CMD echo ${B#x}'],
  ['COPY <<A /x\n${B%x}\nA', 'heredoc', 'pattern modifier'],
  ["COPY <<'A' /x\n${B%x}\nA", 'heredoc'],
  ['COPY --unknown a /'],
];
for (const [instruction, ...names] of instructions)
  test(`${JSON.stringify(instruction)}: ${names.join(', ') || 'none'}`, () => {
    assert.equal(
      featuresOf(`FROM scratch AS s\n\n${instruction}\n`),
      names.map((name) => [name, 3]),
    );
  });

test('a flag counts in every stage, what only a build evaluates in the stages that the target needs', () => {
  const text =
    'FROM scratch AS a\nCOPY --link a /\nENV A=${B-x}\nFROM scratch AS b\nCOPY --link a /\nENV A=${B#x}\n';
  assert.equal(featuresOf(text), [
    ['COPY --link', 2],
    ['pattern modifier', 6],
  ]);
  assert.equal(featuresOf(text, {}, 'a'), [
    ['COPY --link', 2],
    ['unset modifier', 3],
  ]);
  assert.equal(featuresOf('ARG A=${B#x}\nFROM scratch\n'), [['pattern modifier', 1]]);
  assert.equal(featuresOf('ARG A=x\nFROM ${A#y}\n'), [['pattern modifier', 2]]);
});

test('a file has none if another frontend reads it, or if it is not known which does', () => {
  const text = 'FROM scratch\nCOPY --link a /\n';
  assert.equal(featuresOf(`# syntax=team/other:1\n${text}`), []);
  assert.equal(featuresOf(text, { BUILDKIT_SYNTAX: 'docker/dockerfile:1' }), []);
  assert.equal(featuresOf(`\uFEFF# syntax=docker/dockerfile:1.3\n${text}`), []);
  assert.equal(featuresOf(`# syntax=docker/dockerfile:1.3\n${text}`), [['COPY --link', 3]]);
});

test('a frontend lacks what later ones added; experimental ones have more', () => {
  const missing = (name: FeatureName, minor: number, isLabs = false): boolean =>
    missingFeatures([{ name, line: 1 }], { minor, isLabs }).length > 0;
  assert.equal([missing('heredoc', 3), missing('heredoc', 4)], [true, false]);
  assert.equal([missing('heredoc', 2, true), missing('heredoc', 3, true)], [true, false]);
  assert.equal([missing('COPY --link', 3, true), missing('COPY --link', 4, true)], [true, false]);
  assert.equal([missing('RUN --device', 26), missing('RUN --device', 13, true)], [true, true]);
  assert.equal([missing('RUN --device', 14, true), missing('RUN --device', 99)], [false, false]);
  assert.equal(missingFeatures([{ name: 'COPY --parents', line: 7 }], { minor: 7, isLabs: false }), [
    { what: 'COPY --parents', line: 7, since: 20 },
  ]);
});

test('modifiers are read as the frontend does: quotes, escapes, and special names', () => {
  const cases: readonly [string, ...string[]][] = [
    ['${a:-b}${c-d}', ':-', '-'],
    ['"${a#b}" \'${c#d}\'', '#'],
    ['"it\'s ${a%b}"', '%'],
    ['\\${a/b/c}${d//e/f}', '/'],
    ['$a ${b} ${} $'],
    ['${a:-${b##c}}', ':-', '#'],
    ['${1#a}${@/b/c}', '#', '/'],
  ];
  for (const [text, ...expected] of cases) assert.equal(findModifiers(text, '\\'), expected, text);
  assert.equal(findModifiers('`${a#b}\\${c%d}', '`'), ['%']);
  assert.equal(findModifiers("it's ${a#b}", '\\', true), ['#']);
});

test.run();
