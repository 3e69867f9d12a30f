import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findStepLines } from '../../../src/dockerfile/step-lines.ts';

const test = suite('the lines of a build step');
const range = (line: number, endLine: number) => ({ line, endLine });

const text = `# syntax=docker/dockerfile:1
ARG BASE=debian
FROM $BASE AS Build
ENV A=1
WORKDIR /src
COPY . .
# compiles
RUN make \\
# with everything
  all

RUN <<-ONE cat <<TWO
one
	ONE
two
TWO
FROM scratch
LABEL a=b
COPY --from=build /out /
`;

test('steps are counted per stage; FROM is one if its base is an image', () => {
  const linesOf = findStepLines(text);
  const build = (number: number, instruction: string) =>
    linesOf({ stage: 'build', number, total: 5, text: instruction });
  assert.equal(build(1, 'FROM docker.io/library/debian'), range(3, 3));
  assert.equal(build(2, 'WORKDIR /src'), range(5, 5));
  assert.equal(build(3, 'COPY . .'), range(6, 6));
  assert.equal(build(4, 'RUN make   all'), range(8, 10));
  assert.equal(build(5, 'RUN <<-ONE (one...)'), range(12, 16));
  assert.equal(
    linesOf({ stage: 'stage-1', number: 1, total: 1, text: 'COPY --from=build /out /' }),
    range(19, 19),
  );
});

test('a FROM whose base is a named context is counted, but has no number: the text decides', () => {
  const linesOf = findStepLines(
    'FROM $BASE\nARG V\nCOPY . /c\nRUN echo "made $V" && cat a\nENV A=1\nRUN exit 9\nRUN exit 9\n',
  );
  const step = (number: number, instruction: string) => linesOf({ number, total: 5, text: instruction });
  // Without a named context.
  assert.equal(step(2, 'COPY . /c'), range(3, 3));
  assert.equal(step(3, 'RUN echo "made 1" && cat a'), range(4, 4));
  assert.equal(step(4, 'RUN exit 9'), range(6, 6));
  // With one.
  assert.equal(step(1, 'COPY . /c'), range(3, 3));
  assert.equal(step(2, 'RUN echo "made 1" && cat a'), range(4, 4));
  assert.equal(step(3, 'RUN exit 9'), range(6, 6));
});

test('the name of a stage may be written in any case, and follow a platform', () => {
  const linesOf = findStepLines(text);
  for (const stage of ['build', 'Build', 'linux/arm64 build', 'linux/amd64->arm64 build'])
    assert.equal(linesOf({ stage, number: 3, total: 5, text: 'COPY . .' }), range(6, 6));
});

test('a Dockerfile with one stage needs no name of it', () => {
  const linesOf = findStepLines('FROM a\nRUN x\n');
  assert.equal(linesOf({ number: 2, total: 2, text: 'RUN x' }), range(2, 2));
  assert.equal(
    findStepLines('FROM a AS b\nRUN x\n')({ stage: 'b', number: 2, total: 2, text: 'RUN x' }),
    range(2, 2),
  );
});

test('a step that is not in the file has no lines', () => {
  const linesOf = findStepLines(text);
  const steps = {
    'another stage': { stage: 'other', number: 1, total: 5, text: 'COPY . .' },
    'no stage, but several in the file': { number: 3, total: 5, text: 'COPY . .' },
    'more steps than in the file, as ONBUILD makes': {
      stage: 'build',
      number: 3,
      total: 6,
      text: 'COPY . .',
    },
    'fewer steps': { stage: 'build', number: 3, total: 3, text: 'COPY . .' },
    'another instruction at its place': { stage: 'build', number: 3, total: 5, text: 'ADD . .' },
    'number 0': { stage: 'build', number: 0, total: 5, text: 'FROM debian' },
    'a number after the last': { stage: 'build', number: 6, total: 5, text: 'RUN x' },
  };
  for (const [what, step] of Object.entries(steps)) assert.is(linesOf(step), undefined, what);
});

test('a file that cannot be parsed has no steps', () => {
  for (const broken of ['', '# escape=x\nFROM a\nRUN x\n', 'FROM a\nRUN <<EOF\n', '{"syntax":"team/x"}'])
    assert.is(findStepLines(broken)({ number: 1, total: 1, text: 'RUN x' }), undefined);
});

test('which of two stages with the same name a step is in is not known', () => {
  const linesOf = findStepLines('FROM a AS x\nRUN 1\nFROM b AS x\nRUN 2\n');
  assert.is(linesOf({ stage: 'x', number: 2, total: 2, text: 'RUN 2' }), undefined);
});

/** A part of a Dockerfile as the parser's rules make it: its lines, and the keyword if it is a step. */
interface Part {
  readonly lines: readonly string[];
  readonly step?: string;
}

const words = fc.constantFrom('a b', '-x /y', '"FROM z"', "'<<no'", 'a#b');
const gap = fc.constantFrom([], ['# RUN a comment'], ['  # one', '# two'], ['']);
const keyword = fc.constantFrom('RUN', 'run', 'COPY', 'ADD', 'Workdir');

function parts(escapeToken: string): fc.Arbitrary<Part> {
  const plain = fc.tuple(keyword, words).map(([step, rest]) => ({ lines: [`${step} ${rest}`], step }));
  const continued = fc
    .tuple(keyword, words, gap, words, gap, words)
    .map(([step, first, one, second, two, third]) => ({
      lines: [`${step} ${first} ${escapeToken}`, ...one, `  ${second} ${escapeToken} `, ...two, third],
      step,
    }));
  const heredoc = fc.array(words, { maxLength: 3 }).map((body) => ({
    lines: ['RUN cat <<E <<-"F"', ...body, '# FROM no', 'E', 'RUN no', `x ${escapeToken}`, '\tF'],
    step: 'RUN',
  }));
  const uncounted = fc.constantFrom(
    ['ENV A=1'],
    [`LABEL a=b ${escapeToken}`, '  c=d'],
    ['# RUN no'],
    [''],
    ['USER x'],
    [`CMD ["a"]`],
    ['ONBUILD RUN x'],
  );
  return fc.oneof(
    plain,
    continued,
    heredoc,
    uncounted.map((lines) => ({ lines })),
  );
}

const dockerfile = fc.constantFrom('\\', '`').chain((escapeToken) =>
  fc.record({
    escapeToken: fc.constant(escapeToken),
    end: fc.constantFrom('\n', '\r\n'),
    stages: fc.array(
      fc.record({
        base: fc.constantFrom('image:1', 'scratch', 'first'),
        isNamed: fc.boolean(),
        parts: fc.array(parts(escapeToken), { maxLength: 6 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
);

test('property: every step of any Dockerfile has its own lines, whatever is around it', () => {
  fc.assert(
    fc.property(dockerfile, ({ escapeToken, end, stages }) => {
      const lines = escapeToken === '`' ? ['# escape=`'] : ['# syntax=docker/dockerfile:1', ''];
      lines.push('FROM scratch AS first');
      const expected = stages.map(({ base, isNamed, parts: inStage }, index) => {
        const steps: { keyword: string; line: number; endLine: number }[] = [];
        const add = (added: readonly string[], step: string | undefined): void => {
          const line = lines.length + 1;
          lines.push(...added);
          if (step !== undefined) steps.push({ keyword: step, ...range(line, lines.length) });
        };
        add([`FROM ${base}${isNamed ? ` AS Name${index}` : ''}`], base === 'image:1' ? 'FROM' : undefined);
        for (const { lines: added, step } of inStage) add(added, step);
        return { stage: isNamed ? `name${index}` : `stage-${index + 1}`, steps };
      });
      const linesOf = findStepLines(`${lines.join(end)}${end}`);
      for (const { steps, stage } of expected)
        for (const [index, { keyword: name, line, endLine }] of steps.entries())
          assert.equal(
            linesOf({ stage, number: index + 1, total: steps.length, text: `${name.toUpperCase()} x` }),
            range(line, endLine),
          );
    }),
    { numRuns: 1000 },
  );
});

test.run();
