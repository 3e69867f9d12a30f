import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { analyze } from '../../../src/dockerfile/analyze.ts';
import { compileGlob } from '../../../src/dockerfile/glob.ts';
import { parseLines } from '../../../src/dockerfile/logical-lines.ts';
import { instructionWords, parseDockerfile } from '../../../src/dockerfile/parse.ts';

const test = suite('analyze');
const analysisOf = (text: string, target?: string, args: Record<string, string> = {}) =>
  analyze(parseDockerfile(text), target, { args, platform: 'linux/amd64' });
const paths = (text: string, target?: string, args?: Record<string, string>): string[] =>
  analysisOf(text, target, args).seen!.paths.map(({ path, isPattern }) =>
    isPattern ? `pattern ${path}` : path,
  );
const steps = (text: string, target?: string): string[] =>
  analysisOf(text, target).seen!.steps.map((step) => step.text);

/** [the lines after FROM scratch, the context paths that they read] */
const copies: [string, string[]][] = [
  ['COPY a /x', ['a']],
  ['copy a b /x/', ['a', 'b']],
  ['COPY ./d/../a/ /x', ['a']],
  ['COPY . /', ['']],
  ['COPY / /', ['']],
  ['COPY ../a /', ['a']],
  ['COPY ["a b", "c", "/x/"]', ['a b', 'c']],
  ['COPY *.txt d?/[ab] /x/', ['pattern *.txt', 'pattern d?/[ab]']],
  ['COPY a\\* /x', ['pattern a*']],
  ['COPY --chown=1:1 --chmod=755 --link a /x', ['a']],
  ['COPY --exclude=*.md d /x', ['d']],
  ['COPY --parents a/b/c /x', ['a/b/c']],
  ['COPY --parents ./a/./b/*.txt /x', ['a/b']],
  ['COPY --parents **/*.txt /x', ['']],
  ['COPY <<EOF /x\nCOPY fake /\nEOF', []],
  ['COPY a <<EOF b /x/\ntext\nEOF', ['a', 'b']],
  ['COPY --from=other a /x', []],
  ['ADD a https://e/x.tar git@h:r.git /x/', ['a', 'git@h:r.git']],
  ['ADD --checksum=sha256:1 https://e/x /x', []],
  ['RUN --mount=type=bind,source=d,target=/m true', ['d']],
  ['RUN --mount=target=/m true', ['']],
  ['RUN --mount=type=bind,src=./a/b,dst=/m,rw --mount=type=cache,target=/c true', ['a/b']],
  ['RUN --mount=type=secret,id=x --mount=type=ssh --mount=type=tmpfs,target=/t true', []],
  ['RUN --mount=type=bind,from=other,target=/m true', []],
  ['ENV D=d\nCOPY $D/x ${D}y /z/', ['d/x', 'dy']],
  ['ARG D=d\nCOPY ${D:-e} /x', ['d']],
  ['ENV D="a b"\nCOPY "$D" /x', ['a b']],
  ['COPY --from= a /x', ['a']],
  ['COPY --from= --parents d/./../a* /x', ['d']],
  ['COPY --parents a\\\\b/c /x', ['']],
  ['COPY git@h:r /x', ['git@h:r']],
  ['ADD u@h:* /x', ['pattern u@h:*']],
  ['RUN --mount=from=x,from=,target=/m true', ['']],
  ['ARG T=bind\nRUN --mount=type=$T,source=d,target=/m true', ['d']],
  ['ARG T=BIND\nRUN --mount=type=${T},source=d,target=/m true', ['d']],
  ['ARG D=d\nRUN --mount=source=$D,target=/m true', ['d', '$D']],
  ['ENV a\u00a0b c\nCOPY x$a /', ['x']],
  ['ARG D=d\nCOPY ${D//*/e} /', ['e']],
  ['ONBUILD COPY a /x', []],
  ['RUN <<EOF\nCOPY a /\nEOF', []],
  ['RUN true \\\n# COPY x\n\nCOPY a /x', []],
];
for (const [text, expected] of copies) {
  test(text, () => assert.equal(paths(`FROM scratch\n${text}\n`), expected));
}

test('only stages that the target is built on or copies from count, named in any way', () => {
  const text = `FROM scratch AS one
COPY a /
FROM scratch AS two
COPY b /
FROM one AS three
COPY c /
FROM scratch
COPY --from=TWO /b /
RUN --mount=type=bind,from=three,target=/m true
`;
  assert.equal(paths(text), ['a', 'b', 'c']);
  assert.equal(paths(text, 'two'), ['b']);
  assert.equal(paths(text, 'THREE'), ['a', 'c']);
  assert.equal(paths('FROM scratch\nCOPY a /\nFROM scratch\nCOPY --from=0 / /\n'), ['a']);
});

test('ONBUILD triggers run once, in the stage built on theirs', () => {
  const text = 'FROM scratch AS a\nONBUILD COPY x /\nFROM a AS b\nCOPY y /\nFROM b\nCOPY z /\n';
  assert.equal(paths(text), ['x', 'y', 'z']);
  assert.equal(paths(text, 'a'), []);
  assert.is(analysisOf(text, 'a').hasTriggers, true);
  assert.is(analysisOf(text).hasTriggers, false);
});

test('the args are those of the stages, of their FROM lines, and of the defaults that those use', () => {
  const text =
    'ARG TAG=1\nARG BASE=x:${TAG}\nARG OTHER=2\nFROM $BASE AS a\nARG A\nFROM scratch AS b\nARG B\n';
  assert.equal(analysisOf(text, 'a').seen!.args, ['A', 'BASE', 'TAG']);
  assert.equal(analysisOf(text, 'b').seen!.args, ['B']);
});

test('comments, blank lines, keyword case, continuation lines, and line endings do not change the text', () => {
  const plain = steps('FROM scratch AS s\nCOPY a  b /x/\nRUN one && two\nCMD ["x","y"]\n');
  const other =
    '\uFEFF# a comment\nfrom scratch AS s\r\n\n  copy a b \\\n # in between\n\n /x/\nRun one &&\\\n two\nCMD [ "x", "y" ]';
  assert.equal(steps(other), plain);
  assert.is.not(steps('FROM scratch AS s\nCOPY a  b /x/\nRUN one &&  two\n')[2], plain[2]);
});

test('an instruction that only configures containers counts only in stages that the target is built on', () => {
  const text = (label: string): string =>
    `FROM scratch AS a\nLABEL l=${label}\nFROM scratch AS b\nCOPY --from=a / /\n`;
  assert.equal(steps(text('1')), steps(text('2')));
  assert.is.not(steps(text('1'), 'a').join(), steps(text('2'), 'a').join());
  assert.is.not(steps(`${text('1')}FROM a\n`).join(), steps(`${text('2')}FROM a\n`).join());
});

test('a number names a stage in COPY --from, and an image in a mount', () => {
  const text = (from: string): string =>
    `FROM scratch\nCOPY a /\nFROM scratch\nCOPY b /\nFROM scratch\nRUN --mount=type=bind,from=${from},target=/m true\n`;
  assert.is.not(steps(text('0')).join(), steps(text('1')).join());
  assert.equal(paths(text('0')), []);
});

test('renaming a stage changes nothing', () => {
  const text = (name: string): string =>
    `FROM scratch AS ${name}\nCOPY a /\nFROM ${name} AS x\nFROM scratch\nCOPY --from=${name} /a /\nRUN --mount=type=bind,from=${name},target=/m true\nCOPY --from=x / /\n`;
  assert.equal(steps(text('one')), steps(text('two')));
  assert.is.not(steps(text('one')).join(), steps(text('one').replace('--from=x', '--from=one')).join());
});

test('the bodies of heredocs count', () => {
  const text = (body: string): string =>
    `FROM scratch\nRUN <<EOF\n${body}\nEOF\nCOPY <<-"A" <<B /x/\n\t1\n\tA\n2\nB\n`;
  assert.is.not(steps(text('one'))[1], steps(text('two'))[1]);
  const { lines } = parseLines(text('one'));
  assert.equal(
    lines.map(({ line, heredocs }) => [
      line,
      heredocs.map(({ content, expand, chomp }) => [content, expand, chomp]),
    ]),
    [
      [1, []],
      [2, [['one\n', true, false]]],
      [
        5,
        [
          ['\t1\n', false, true],
          ['2\n', true, false],
        ],
      ],
    ],
  );
});

test('a JSON form keeps its spaces; anything else is split into words', () => {
  const words = (text: string): readonly string[] =>
    instructionWords(parseDockerfile(`FROM scratch\n${text}\n`).instructions[1]!);
  assert.equal(words('RUN ["a b", "c"]'), ['a b', 'c']);
  assert.equal(words('COPY [ab] /x'), ['[ab]', '/x']);
  assert.equal(words('COPY ["a", 1] /x'), ['["a",', '1]', '/x']);
});

const hasArgs = (text: string): readonly string[] => analysisOf(text).seen!.args;

test('a quoted ARG declares both its unquoted name, as in old builders, and its name as written', () => {
  for (const text of ['ARG "V"=0', "ARG 'V'", 'ARG V\\=0', 'ENV N=V\nARG $N', 'ONBUILD ARG "V"\nFROM s'])
    assert.ok(hasArgs(`FROM scratch AS s\n${text}\n`).includes('V'), text);
  assert.equal(analysisOf('FROM scratch\nARG "V"=0\nARG W\n').declaredArgs, ['W']);
});

test('ENV expands names, and a stage inherits the value of ENV, not of an ARG with the same name', () => {
  assert.equal(paths('FROM scratch\nENV "X"=b\nCOPY $X /\n'), ['b']);
  assert.equal(paths('FROM scratch\nENV N=X\nENV $N=b Y=$X\nCOPY $X$Y /\n'), ['b']);
  assert.equal(paths('FROM scratch AS a\nENV A=b\nARG A=c\nCOPY $A /\nFROM a\nCOPY $A /\n'), ['c', 'b']);
});

test('the name of the target counts only if the file declares TARGETSTAGE', () => {
  const text = (name: string, more: string): string => `FROM scratch AS ${name}\n${more}COPY a /\n`;
  const differ = (more: string): boolean =>
    steps(text('one', more)).join('\n') !== steps(text('two', more)).join('\n');
  assert.ok(differ('ARG TARGETSTAGE\n'));
  assert.ok(differ('ARG "TARGETSTAGE"\n'));
  assert.not.ok(differ(''));
  assert.equal(
    analysisOf(`FROM scratch AS a\nARG TARGETSTAGE\nFROM a AS b\n`, 'a').seen!.steps[0]!.text,
    'a',
  );
});

test('SOURCE_DATE_EPOCH before the first FROM counts even if no stage declares it', () => {
  const text = (time: string): string => `ARG SOURCE_DATE_EPOCH=${time}\nFROM scratch\nCOPY a /\n`;
  assert.is.not(steps(text('1')).join(), steps(text('2')).join());
  assert.ok(hasArgs(text('1')).includes('SOURCE_DATE_EPOCH'));
  const stage = `${text('web')}FROM scratch AS web\nADD https://e/x /\nFROM scratch\n`;
  assert.equal(analysisOf(stage).unverifiedDownloads, [{ source: 'https://e/x', line: 5 }]);
  assert.match(analysisOf(stage).vague.join(), /line 1: SOURCE_DATE_EPOCH is not a number/);
  assert.match(
    analysisOf(text('1'), undefined, { SOURCE_DATE_EPOCH: 'context' }).vague.join(),
    /is not a number/,
  );
});

test('stage numbers are parsed like in Go; a number after the last stage makes everything count', () => {
  const text = (from: string): string => `FROM scratch\nCOPY a /\nFROM scratch\nCOPY --from=${from} / /\n`;
  for (const from of ['0', '+0', '-0', '00']) assert.equal(paths(text(from)), ['a'], from);
  assert.match(analysisOf(text('2')).vague.join(), /line 4: no earlier stage has the number 2/);
});

test('a flag value that looks like two flags differs from two flags', () => {
  const text = (flags: string): string => steps(`FROM scratch\nCOPY ${flags} d /\n`).join();
  assert.is.not(text('--exclude="a --exclude=b"'), text('--exclude=a --exclude=b'));
  assert.is(text('--exclude=a'), text('--exclude="a"'));
});

test('a flag that not every builder accepts counts in unreachable stages too, because it can make the build fail', () => {
  const text = (flag: string): string =>
    steps(`FROM scratch\nCOPY ${flag} a /\nFROM scratch\nCOPY b /\n`).join();
  assert.is.not(text('--parents'), text('--chown=1'));
  assert.is.not(text('--unheard-of'), text('--chown=1'));
  assert.is(text('--link'), text('--chown=1'));
});

test('a mount from a stage in upper case counts in unreachable stages too, because some builders reject it', () => {
  const file = (name: string): string =>
    `FROM x AS ${name}\nFROM y\nRUN --mount=type=tmpfs,from=${name},target=/m true\nFROM z\nCOPY a /x\n`;
  assert.not.equal(steps(file('T')), steps(file('s')));
  assert.equal(steps(file('t')), steps(file('s')));
});

test('the last from of a mount wins, and renaming its stage changes nothing', () => {
  const text = (name: string): string =>
    `FROM scratch AS ${name}\nCOPY a /\nFROM scratch\nRUN --mount=from=x,target=/m,from=${name} true\n`;
  assert.equal(paths(text('s')), ['a']);
  assert.equal(steps(text('s')), steps(text('t')));
  assert.equal(analysisOf(text('s')).externalImages, []);
});

test('a platform that only the build knows counts in a stage that is not needed: it may be empty, which no builder accepts', () => {
  const text = (platform: string): string =>
    `ARG BUILDPLATFORM\nFROM ${platform} a AS one\nFROM b\nCOPY a /\n`;
  const plain = steps(text('--platform=linux/amd64'));
  assert.equal(steps(text('--platform=linux/arm64')), plain);
  assert.is.not(steps(text('--platform=$BUILDPLATFORM')).join(), plain.join());
});

/** [a Dockerfile, why everything counts] */
const vague: [string, RegExp][] = [
  ['FROM debian\nCOPY $HOME/x /\n', /line 2: a source depends on a variable of the base/],
  ['FROM debian\nRUN --mount=source=$X,target=/m true\n', /line 2: a mount depends on a variable/],
  ['FROM scratch\nCOPY --new-flag a /\n', /line 2: unknown flag --new-flag/],
  ['ARG X=$BUILDARCH\nFROM x-$X\n', /line 2: the base image depends on the build machine/],
  ['# syntax=example/other:1\nINCLUDE a\n', /files for the frontend example\/other:1 cannot be analyzed/],
  // BuildKit versions read these differently.
  [
    '# a=b\n# syntax=example/other:1\nFROM scratch\n',
    /which syntax line applies depends on the BuildKit version/,
  ],
  ['# check=skip=all\n# escape=`\nFROM scratch\n', /ignore an escape line after a check line/],
  ['FROM scratch\nARG "V"=a\nCOPY a$V /\n', /line 3: a source depends on a variable/],
  ['FROM scratch\nARG V=a W=$V\nCOPY $W* /\n', /line 3: a source depends on a variable/],
  ['FROM debian\nARG $N\n', /line 2: the name of an ARG depends on a variable/],
  ['FROM debian\nENV A=a\nENV $N=b\nCOPY $A* /\n', /line 4: a source depends on a variable/],
  ['ARG TARGETARCH\nFROM for-$TARGETARCH\n', /line 2: the base image depends on the build machine/],
  ['ARG A=1\nARG A\nFROM x-$A\n', /line 3: the base image depends on the build machine/],
  ['FROM debian AS a\nARG A=a\nFROM a\nCOPY $A* /\n', /line 4: a source depends on a variable/],
  ['FROM scratch AS a\nARG PATH=a\nFROM a\nCOPY $PATH* /\n', /line 4: a source depends on a variable/],
  ['FROM scratch\nARG TARGETSTAGE\nCOPY a$TARGETSTAGE* /\n', /line 3: a source depends on a variable/],
  // BuildKit garbles non-ASCII flags, and invalid UTF-8 cannot be compared.
  ['FROM scratch\nCOPY --chown=à a /\n', /line 2: its flags contain non-ASCII characters/],
  ['FROM scratch\nRUN echo \uFFFD\n', /bytes that are not valid UTF-8/],
  ['# escape=`\nFROM scratch AS a\nONBUILD COPY a\\ b /\nFROM a\n', /ONBUILD ignores the escape line/],
  ['FROM scratch\nCOPY a[ /\n', /line 2: invalid pattern a\[/],
  // These would take too long to expand.
  [`FROM scratch\nARG A=${'a'.repeat(3000)}\nCOPY a\${A#*a*a*a*b} /\n`, /line 3: a source depends/],
  [`FROM scratch\nCOPY a${'${a:-'.repeat(300)}${'}'.repeat(300)} /\n`, /line 2: a source depends/],
];
for (const [text, why] of vague) {
  test(`everything counts: ${JSON.stringify(text)}`, () => {
    const { seen, vague: reasons } = analysisOf(text);
    assert.is(seen, undefined);
    assert.match(reasons.join(), why);
  });
}

test('platform args have the values of the requested platform', () => {
  const text = 'FROM scratch AS for-amd64\nCOPY a /\nFROM for-$TARGETARCH\nARG TARGETOS\nCOPY $TARGETOS /\n';
  assert.equal(paths(text), ['a', 'linux']);
});

test('on scratch, a variable that the file does not set is empty', () => {
  assert.equal(paths('FROM scratch\nCOPY a$X /\n'), ['a']);
});

test("COPY patterns match like Go's filepath.Match", () => {
  const matches = (pattern: string, name: string): boolean | undefined => compileGlob(pattern)?.(name);
  for (const [pattern, yes, no] of [
    ['*.txt', ['a.txt', '.txt'], ['d/a.txt', 'a.txtx']],
    ['d/*', ['d/a'], ['d', 'd/a/b']],
    ['a?c', ['abc'], ['a/c', 'ac']],
    ['[a-c]x', ['bx'], ['dx']],
    ['[^a-c]x', ['dx'], ['bx']],
    ['\\*', ['*'], ['a']],
    ['[\\]]', [']'], ['\\']],
    ['**', ['a'], ['a/b']],
    ['a.b', ['a.b'], ['axb']],
  ] as [string, string[], string[]][]) {
    for (const name of yes) assert.is(matches(pattern, name), true, `${pattern} ${name}`);
    for (const name of no) assert.is(matches(pattern, name), false, `${pattern} ${name}`);
  }
  for (const pattern of ['[', '[a', '[]a]', '[a-]', '\\'])
    assert.is(compileGlob(pattern), undefined, pattern);
});

test.run();
