import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { analyze } from '../../../src/dockerfile/analyze.ts';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';
import { replaceReferences } from '../../../src/dockerfile/replace-references.ts';

const test = suite('replaceReferences');
const digest = `sha256:${'d'.repeat(64)}`;
const parameters = { args: { BASE: 'debian:12' }, platform: 'linux/amd64' };
const imagesOf = (text: string) => analyze(parseDockerfile(text), undefined, parameters).externalImages;
const withDigest = (reference: string, digestText: string): string =>
  `${reference.replace(/[:@][^/]*$/, '')}@${digestText}`;
/** Replaces every external image of the last stage. */
const pinned = (text: string): string =>
  replaceReferences(
    text,
    imagesOf(text).map(({ reference, line }) => ({ reference, line, by: withDigest(reference, 'd') })),
  );

/** [a Dockerfile, the result] */
const cases: [string, string][] = [
  ['FROM debian:12', 'FROM debian@d'],
  ['from  --platform=linux/arm64 debian:12 as x\n', 'from  --platform=linux/arm64 debian@d as x\n'],
  ['ARG BASE\r\nFROM ${BASE}\r\nRUN x\r\n', 'ARG BASE\r\nFROM debian@d\r\nRUN x\r\n'],
  ['\uFEFFFROM "debian":12\n', '\uFEFFFROM debian@d\n'],
  ['FROM \\\n# why\n  debian:12 \\\n AS a\nRUN x\n', '\n\n\nFROM   debian@d  AS a\nRUN x\n'],
  ['FROM scratch\nCOPY --from=debian:12 a b\n', 'FROM scratch\nCOPY --from=debian@d a b\n'],
  ['FROM scratch\nCOPY --chown=1 --from="debian:12" a b', 'FROM scratch\nCOPY --chown=1 --from=debian@d a b'],
  [
    'FROM scratch\nRUN --mount=from=debian:12,target=/from=debian:12 --mount=type=cache,target=/c true\n',
    'FROM scratch\nRUN --mount=from=debian@d,target=/from=debian:12 --mount=type=cache,target=/c true\n',
  ],
  [
    'FROM scratch\nRUN --mount="type=bind,from=a,target=/a b" --mount=from=b,target=/b <<E\nFROM a\nE\n',
    'FROM scratch\nRUN --mount=type=bind,from=a@d,target=/a\\ b --mount=from=b@d,target=/b <<E\nFROM a\nE\n',
  ],
  [
    'FROM a AS s\nONBUILD COPY --from=b /b /b\nFROM s\nFROM s\n',
    'FROM a@d AS s\nONBUILD COPY --from=b@d /b /b\nFROM s\nFROM s\n',
  ],
  ['# syntax = docker/dockerfile:1\nFROM a\n', '# syntax = docker/dockerfile@d\nFROM a@d\n'],
  [
    '# escape=`\n#syntax=docker/dockerfile\nFROM `\na\n',
    '# escape=`\n#syntax=docker/dockerfile@d\n\nFROM a@d\n',
  ],
  ['// syntax=team/other\nany\n', '// syntax=team/other@d\nany\n'],
  ['{ "syntax": "team/other", "a": 1 }\n', '{"syntax":"team/other@d","a":1}'],
  ['FROM a AS unused\nFROM b\nCOPY --from=0 x y\n', 'FROM a@d AS unused\nFROM b@d\nCOPY --from=0 x y\n'],
  [
    'FROM scratch\nRUN --mount=from=a,target=/a --mount=from=a,target=/b true\n',
    'FROM scratch\nRUN --mount=from=a@d,target=/a --mount=from=a@d,target=/b true\n',
  ],
  [
    'FROM scratch AS s\nONBUILD COPY --from=b x y\nFROM s AS t\nFROM s\nCOPY --from=t x y\n',
    'FROM scratch AS s\nONBUILD COPY --from=b@d x y\nFROM s AS t\nFROM s\nCOPY --from=t x y\n',
  ],
  ['FROM a AS unused\nFROM b\n', 'FROM a AS unused\nFROM b@d\n'],
];
for (const [text, expected] of cases) test(JSON.stringify(text), () => assert.is(pinned(text), expected));

test('an image is used for the target platform unless its stage has a --platform', () => {
  const text = `# syntax=docker/dockerfile:1
FROM --platform=$BUILDPLATFORM a AS one
COPY --from=b / /
FROM one AS two
COPY --from=c / /
FROM d
COPY --from=two / /
RUN --mount=from=e,target=/e true
`;
  assert.equal(
    imagesOf(text).map(
      ({ reference, platform, isBase }) => `${reference} ${platform}${isBase ? ' base' : ''}`,
    ),
    ['docker/dockerfile:1 any', 'a any base', 'b any', 'c any', 'd target base', 'e target'],
  );
});

test('a reference that is not on its line is an error', () => {
  for (const replacement of [
    { line: 2, reference: 'b', by: 'c' },
    { line: 1, reference: 'a', by: 'c AS d' },
  ])
    assert.throws(() => replaceReferences('FROM a\nCOPY --from=x y z\n', [replacement]), /cannot replace/);
});

const space = fc.constantFrom(' ', '  ', '\t', ' \\\n', ' \\\n# a comment\n  ', '\\\n \\\n\t');
const name = fc.constantFrom('a', 'b:1', 'host:5000/c:2', `d@${digest}`, '$BASE', '"e:5"');
const instruction = fc.oneof(
  fc.tuple(space, name).map(([s, n]) => `FROM${s}${n}`),
  fc.tuple(space, space, name).map(([s, t, n]) => `copy${s}--from=${n.replace(/[$"]/g, '')}${t}x y`),
  fc
    .tuple(space, name)
    .map(([s, n]) => `RUN${s}--mount=type=bind,from=${n.replace(/[$"]/g, '')},target=/m${s}"a b" \\\\ 'c'`),
  fc.constantFrom(
    '# FROM no',
    '',
    'RUN <<E\nFROM no\nE',
    'LABEL a="FROM b:1"',
    'ENV x=\\$y',
    'COPY a \\\n b',
  ),
);

test('property: only the references change', () => {
  fc.assert(
    fc.property(fc.array(instruction, { maxLength: 8 }), fc.constantFrom('\n', '\r\n'), (lines, end) => {
      const text = `ARG BASE\nFROM first\n${lines.join('\n')}\n`.replaceAll('\n', end);
      const before = imagesOf(text);
      const result = replaceReferences(
        text,
        before.flatMap(({ reference, line, isPinned }) =>
          isPinned ? [] : [{ reference, line, by: withDigest(reference, digest) }],
        ),
      );
      const after = imagesOf(result);
      assert.equal(
        after.map(({ reference }) => reference),
        before.map(({ reference }) => withDigest(reference, digest)),
      );
      const rest = (whole: string): unknown =>
        parseDockerfile(whole).instructions.map((each) => ({
          ...each,
          line: 0,
          flags: each.flags
            .map(({ name: flag, value }) => [flag, value.replace(/from=[^,]*/, '')])
            .filter(([flag]) => flag !== 'from'),
          rest: each.keyword === 'FROM' ? '' : each.rest,
        }));
      assert.equal(rest(result), rest(text));
    }),
    { numRuns: 500 },
  );
});

test.run();
