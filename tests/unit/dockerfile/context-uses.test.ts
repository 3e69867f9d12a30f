import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { analyze } from '../../../src/dockerfile/analyze.ts';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';
import { placeholderFor } from '../../../src/dockerfile/placeholder.ts';

const test = suite('named contexts in Dockerfiles');

const analysisOf = (
  text: string,
  {
    contexts = ['assets'],
    target,
    args = {},
  }: { contexts?: string[]; target?: string; args?: Record<string, string> } = {},
) => analyze(parseDockerfile(text), target, { args, platform: 'linux/amd64', contexts });

/** Returns the uses as `name path…`, with a mark for a base. */
const usesOf = (...args: Parameters<typeof analysisOf>): string[] =>
  analysisOf(...args).contextUses.map(({ name, isBase, paths }) =>
    [
      isBase ? `${name}!` : name,
      ...paths.map(({ path, isPattern }) => (isPattern ? `glob ${path}` : path || '.')),
    ].join(' '),
  );

/** [the lines after FROM scratch, the uses] */
const uses: [string, string[]][] = [
  ['COPY --from=assets a b/ /x/', ['assets a b']],
  ['COPY --from=assets . /', ['assets .']],
  ['COPY --from=assets *.svg /x/', ['assets glob *.svg']],
  ['COPY --from=assets --parents a/./*.svg /x/', ['assets a']],
  ['COPY --from=docker.io/library/assets:latest a /', ['assets a']],
  ['ARG D=d\nCOPY --from=assets $D /', ['assets d']],
  ['COPY --from=assets [ /', ['assets .']],
  ['RUN --mount=from=assets,target=/m true', ['assets .']],
  ['RUN --mount=from=assets,source=a/b,target=/m true', ['assets a/b']],
  ['ARG D=d\nRUN --mount=from=assets,source=$D,target=/m true', ['assets d $D']],
  ['RUN --mount=type=cache,from=assets,source=a,target=/m true', ['assets a']],
  ['COPY --from=assets a /\nCOPY --from=assets b /', ['assets a', 'assets b']],
  ['COPY --from=other a /', []],
  ['COPY --from=assets:2 a /', []],
];
for (const [lines, expected] of uses)
  test(`${lines}: ${expected.join(', ') || 'nothing'} is read`, () => {
    const text = `FROM scratch\n${lines}\n`;
    assert.equal(usesOf(text), expected);
    assert.equal(analysisOf(text).seen?.paths, [], 'nothing in the build context');
    assert.equal(usesOf(text, { contexts: [] }), []);
  });

test('a source with a variable of the base image stands for the whole context', () => {
  assert.equal(usesOf('FROM debian\nCOPY --from=assets $X /\n'), ['assets .']);
  assert.equal(usesOf('FROM debian\nRUN --mount=from=assets,source=$X,target=/m true\n'), ['assets .']);
});

test('a context as a base counts as a whole, is no external image, and may set any variable', () => {
  const { externalImages, contextUses, vague } = analysisOf('FROM assets\nCOPY $X /\n');
  assert.equal([externalImages, vague.length], [[], 1]);
  assert.equal(contextUses, [
    { name: 'assets', line: 1, platform: 'target', isBase: true, paths: [{ path: '', isPattern: false }] },
  ]);
  assert.is(analysisOf('FROM --platform=$BUILDPLATFORM assets\n').contextUses[0]!.platform, 'any');
  assert.equal(usesOf('ARG B=assets\nFROM $B\n'), ['assets! .']);
});

test('only what the target depends on is used', () => {
  const text =
    'FROM scratch AS one\nCOPY --from=assets a /\nFROM scratch AS two\nCOPY --from=one / /\nFROM scratch\n';
  assert.equal(usesOf(text, { target: 'one' }), ['assets a']);
  assert.equal(usesOf(text, { target: 'two' }), ['assets a']);
  assert.equal(usesOf(text), []);
});

test('a context replaces the stage of its name, with its base and its instructions', () => {
  const text = 'FROM debian AS assets\nCOPY x /\nRUN make\nFROM scratch\nCOPY --from=assets a /\n';
  const replaced = analysisOf(text);
  assert.equal(replaced.externalImages, []);
  assert.equal(usesOf(text), ['assets! .']);
  assert.equal(replaced.seen!.paths, []);
  const steps = replaced.seen!.steps.map((step) => step.text);
  assert.equal(steps, ['FROM assets', 'FROM scratch', 'COPY --from="stage 0" a /']);
  assert.equal(usesOf(text.replace('--from=assets', '--from=0')), ['assets! .']);
  assert.equal(usesOf(text.replace('FROM scratch', 'FROM assets')), ['assets! .']);
  assert.equal(usesOf(text, { target: 'assets' }), ['assets! .']);
});

test('a number is a stage, not a context', () => {
  assert.equal(usesOf('FROM scratch AS one\nFROM scratch\nCOPY --from=0 a /\n', { contexts: ['0'] }), []);
});

test('a context may have the name of a base image, with its tag', () => {
  const text = 'FROM debian:12\nCOPY --from=team/x a /\n';
  const found = analysisOf(text, { contexts: ['debian:12', 'team/x'] });
  assert.equal(found.externalImages, []);
  assert.equal(
    found.contextUses.map(({ name }) => name),
    ['debian:12', 'team/x'],
  );
  assert.equal(analysisOf(text, { contexts: ['debian'] }).externalImages.length, 2);
});

test('a context that no instruction names is reported, one in an unused stage is not', () => {
  const unused = (text: string, contexts = ['assets'], args = {}): readonly string[] =>
    analysisOf(text, { contexts, args }).unusedContexts;
  assert.equal(unused('FROM scratch\n', ['assets', 'more']), ['assets', 'more']);
  assert.equal(unused('FROM scratch AS assets\nFROM scratch\n'), []);
  assert.equal(unused('FROM assets AS x\nFROM scratch\n'), []);
  assert.equal(unused('FROM scratch AS x\nCOPY --from=assets $X /\nFROM scratch\n'), []);
  assert.equal(unused('FROM scratch AS x\nRUN --mount=from=assets,target=/m true\nFROM scratch\n'), []);
  assert.equal(unused('FROM scratch\nONBUILD COPY --from=assets a /\n'), []);
  assert.equal(unused('FROM scratch\nCOPY --from=ASSETS a /\n'), ['assets']);
  const byNeed = 'ARG B\nFROM $B AS x\nFROM scratch\n';
  assert.equal(unused(byNeed, ['assets'], { B: placeholderFor('B') }), ['assets']);
});

test('if a name is known to the build only, no context is reported as unused', () => {
  const unused = (text: string): readonly string[] => analysisOf(text).unusedContexts;
  assert.equal(unused('ARG BUILDARCH\nFROM $BUILDARCH AS x\nFROM scratch\n'), []);
  assert.equal(unused('FROM scratch AS x\nRUN --mount=from=\\"x\\",target=/m true\nFROM scratch\n'), []);
  assert.equal(unused('# syntax=team/other\nFROM scratch\n'), []);
});

test.run();
