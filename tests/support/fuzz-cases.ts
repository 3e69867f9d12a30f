import type { ProjectState } from './fuzz-projects.ts';
import { otherPlatform } from './release.ts';

/** Two states of a project, and whether the image of the first may be reused for the second. */
export interface FuzzCase {
  readonly what: string;
  readonly before: ProjectState;
  readonly after: ProjectState;
  readonly reused: boolean;
}

const file = (text: string, isProgram = false) => ({ text, isProgram });
const from = (stage: ProjectState['stages'][number]['from'], ...lines: string[]) => ({ from: stage, lines });
const start: ProjectState = {
  files: { a: file('1'), b: file('1'), 'd/a': file('1'), 'd/e/c': file('1') },
  ignore: [],
  stages: [from('base', 'COPY a /x/')],
  args: {},
};

function makeCase(
  what: string,
  common: Partial<ProjectState>,
  change: Partial<ProjectState>,
  reused: boolean,
): FuzzCase {
  const before = { ...start, ...common };
  return { what, before, after: { ...before, ...change }, reused };
}
const files = (change: ProjectState['files'], common: ProjectState['files'] = start.files) => ({
  files: { ...common, ...change },
});
const stages = (...list: ProjectState['stages']) => ({ stages: list });

const last = { ...from('base', 'COPY a /x/'), platform: otherPlatform };

/**
 * Cases in which our keys once disagreed with BuildKit, or in which other tools are wrong. When random tests find a new
 * disagreement, they print it shrunk, as the `before` and `after` to add here.
 */
export const fuzzCases: readonly FuzzCase[] = [
  makeCase(
    'a comment',
    stages(from('base', 'COPY a /x/')),
    stages(from('base', '# new', 'COPY a /x/')),
    true,
  ),
  makeCase(
    'a comment in a Dockerfile that is copied itself',
    stages(from('base', 'COPY . /x/')),
    stages(from('base', '# new', 'COPY . /x/')),
    false,
  ),
  makeCase('one byte, with the same size and name', {}, files({ a: file('2') }), false),
  makeCase('the executable bit', {}, files({ a: file('1', true) }), false),
  makeCase('a file that no instruction reads', {}, files({ b: file('2') }), true),
  makeCase(
    'the target of a link below a copied folder',
    { ...stages(from('base', 'COPY d /x')), ...files({ 'd/b': { link: 'a' } }) },
    files({ 'd/b': { link: 'gone' } }),
    false,
  ),
  makeCase(
    'the file that a copied link resolves to',
    { ...stages(from('base', 'COPY b /x')), ...files({ b: { link: 'a' } }) },
    files({ a: file('2'), b: { link: 'a' } }),
    false,
  ),
  makeCase('an empty folder', stages(from('base', 'COPY d /x')), files({ 'd/b': 'dir' }), false),
  makeCase(
    'an ignored file',
    { ...stages(from('base', 'COPY d /x')), ignore: ['d/e'] },
    files({ 'd/e/c': file('2') }),
    true,
  ),
  makeCase(
    'a file that only a mount reads',
    stages(from('base', 'RUN --mount=type=bind,source=d,target=/m cat /m/a > /x')),
    files({ 'd/a': file('2') }),
    false,
  ),
  makeCase(
    'a file that ONBUILD of an earlier stage copies',
    stages(from('base', 'ONBUILD COPY b /x'), from('before')),
    files({ b: file('2') }),
    false,
  ),
  makeCase(
    'the CMD of a stage that is only copied from',
    stages(from('base', 'COPY a /x/', 'CMD x'), from('scratch', 'COPY --from=$P /x /x/')),
    stages(from('base', 'COPY a /x/', 'CMD y'), from('scratch', 'COPY --from=$P /x /x/')),
    true,
  ),
  makeCase(
    'WORKDIR on scratch, which BuildKit never reports as cached',
    stages(from('scratch', 'WORKDIR /w', 'COPY a /x/')),
    files({ b: file('2') }),
    true,
  ),
  makeCase(
    'an arg of the build platform that is declared again before the first FROM: older builders discard its value',
    {
      head: 'ARG BUILDPLATFORM\n',
      ...stages(from('base', 'ARG BUILDPLATFORM\nRUN echo "$BUILDPLATFORM" > /build-platform', 'COPY a /x/')),
    },
    files({ b: file('2') }),
    true,
  ),
  makeCase(
    'an arg of the build platform with a default, beside one without',
    stages(
      from(
        'base',
        'ARG BUILDPLATFORM\nRUN echo "$BUILDPLATFORM" > /p',
        'ARG BUILDARCH=mine\nLABEL l=$BUILDARCH',
      ),
    ),
    files({ b: file('2') }),
    true,
  ),
  makeCase(
    'a stage that is not needed, for a platform that older builders find empty',
    { head: 'ARG BUILDPLATFORM\n', ...stages(from('base', 'COPY a /x/'), last) },
    stages({ ...from('base', 'COPY a /x/'), platform: '$BUILDPLATFORM' }, last),
    false,
  ),
];
