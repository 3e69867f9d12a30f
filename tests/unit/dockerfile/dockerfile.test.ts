import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { analyze } from '../../../src/dockerfile/analyze.ts';
import { DockerfileError } from '../../../src/dockerfile/error.ts';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';

const facts = (text: string, target?: string, args: Record<string, string> = {}) =>
  analyze(parseDockerfile(text), target, { args, platform: 'linux/amd64' });
const images = (text: string, target?: string, args?: Record<string, string>): string[] =>
  facts(text, target, args).externalImages.map((image) => image.reference);
const digest = `@sha256:${'a'.repeat(64)}`;

const test = suite('dockerfile');

test('all ARGs of the file are declared args, including those on continuation lines', () => {
  assert.equal(facts('ARG A B=2\nFROM scratch\narg C \\\n  # a comment\n  D=1\n').declaredArgs, [
    'A',
    'B',
    'C',
    'D',
  ]);
});

test('only stages that the target depends on have external images', () => {
  const text =
    'FROM golang AS build\nFROM unused AS other\nFROM debian\nCOPY --from=build /a /a\nCOPY --from=nginx /b /b\nRUN --mount=type=bind,from=tools,target=/t true\n';
  assert.equal(images(text), ['golang', 'debian', 'nginx', 'tools']);
  assert.equal(images(text, 'other'), ['unused']);
  assert.equal(images(text, 'BUILD'), ['golang']);
  assert.equal(images(text, '0'), ['golang']);
});

test('scratch and earlier stages are not external images', () => {
  assert.equal(images('FROM scratch AS a\nFROM a AS b\nCOPY --from=0 /x /x\n'), []);
  assert.equal(images('FROM b AS a\nFROM scratch AS b\nCOPY --from=a / /\n'), ['b']);
});

test('build args override the defaults in base image names', () => {
  const text = 'ARG TAG=12\nARG IMAGE=debian:${TAG}\nFROM ${IMAGE:-x}\n';
  assert.equal(images(text), ['debian:12']);
  assert.equal(images(text, undefined, { TAG: '13' }), ['debian:13']);
  assert.equal(images(text, undefined, { IMAGE: `a${digest}` }), [`a${digest}`]);
});

test('an image with a digest is pinned', () => {
  assert.equal(
    facts(`FROM debian${digest}\nCOPY --from=b /x /x\n`).externalImages.map((image) => image.isPinned),
    [true, false],
  );
});

test('downloads without a checksum or a commit are reported', () => {
  const text = `FROM scratch\nADD https://e/x.tar /\nADD --checksum=sha256:1 https://e/y.tar /\nADD git@e:r.git#${'c'.repeat(40)} /\nADD https://e/r.git#main /\nADD local /\n`;
  assert.equal(
    facts(text).unverifiedDownloads.map(({ line }) => line),
    [2, 5],
  );
});

test('the syntax image is an external image; files for custom frontends are not parsed', () => {
  assert.equal(images('# syntax=docker/dockerfile:1\nFROM scratch\n'), ['docker/dockerfile:1']);
  assert.equal(images('# syntax=e/other:1\nINCLUDE x\n'), ['e/other:1']);
});

test('the body of a heredoc is not parsed as instructions', () => {
  assert.equal(
    images('FROM scratch\nRUN <<EOF\nFROM fake\nEOF\nCOPY <<A <<B /x/\nFROM one\nA\nFROM two\nB\n'),
    [],
  );
});

test('the escape directive sets the continuation character', () => {
  assert.equal(facts('# escape=`\nFROM scratch\nARG A `\n  B\n').declaredArgs, ['A', 'B']);
});

test('an invalid Dockerfile is reported with the line', () => {
  const faults: [string, number, RegExp][] = [
    ['', 1, /no FROM/],
    ['# only a comment\n', 1, /no FROM/],
    ['RUN x\nFROM scratch\n', 1, /before the first FROM/],
    ['FROM scratch\nCOPPY a b\n', 2, /unknown instruction COPPY/],
    ['FROM\n', 1, /no arguments/],
  ];
  for (const [text, line, message] of faults) {
    assert.throws(
      () => parseDockerfile(text),
      (error: Error) =>
        error instanceof DockerfileError && error.line === line && message.test(error.message),
      text,
    );
  }
  assert.throws(() => facts('FROM scratch AS a\n', 'b'), /no stage "b"; the named stages are a/);
});

test('property: any text is analyzed or throws a DockerfileError', () => {
  const piece = fc.constantFrom(
    'FROM a',
    'ARG X',
    'RUN <<EOF',
    'EOF',
    '\\',
    'COPY --from=a',
    '# escape=`',
    '["a", "b c"]',
    ' ',
    '\n',
    '\r\n',
    'ONBUILD',
    '$',
    '{',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      try {
        facts(pieces.join(''));
        facts(pieces.join('\n'));
      } catch (error) {
        assert.instance(error, DockerfileError);
      }
    }),
    { numRuns: 1000 },
  );
});

test.run();
