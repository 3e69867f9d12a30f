import type { ProjectState } from './fuzz-projects.ts';

/** Two states of one project, and whether the image of the first may be used for the second. */
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

function differs(
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

/**
 * Where keys and BuildKit once parted, or where other tools are known to be wrong: replayed in every run. A disagreement
 * that the random part finds is printed, already shrunk, as `before` and `after` to be added here.
 */
export const fuzzCases: readonly FuzzCase[] = [
  differs('a comment', stages(from('base', 'COPY a /x/')), stages(from('base', '# new', 'COPY a /x/')), true),
  differs(
    'a comment in a Dockerfile that COPY takes along',
    stages(from('base', 'COPY . /x/')),
    stages(from('base', '# new', 'COPY . /x/')),
    false,
  ),
  differs('one byte, the size and the name stay', {}, files({ a: file('2') }), false),
  differs('the executable bit', {}, files({ a: file('1', true) }), false),
  differs('a file that nothing sees', {}, files({ b: file('2') }), true),
  differs(
    'where a link below a copied folder points',
    { ...stages(from('base', 'COPY d /x')), ...files({ 'd/b': { link: 'a' } }) },
    files({ 'd/b': { link: 'gone' } }),
    false,
  ),
  differs(
    'what a named link leads to',
    { ...stages(from('base', 'COPY b /x')), ...files({ b: { link: 'a' } }) },
    files({ a: file('2'), b: { link: 'a' } }),
    false,
  ),
  differs('an empty folder', stages(from('base', 'COPY d /x')), files({ 'd/b': 'dir' }), false),
  differs(
    'a file that the ignore file leaves out',
    { ...stages(from('base', 'COPY d /x')), ignore: ['d/e'] },
    files({ 'd/e/c': file('2') }),
    true,
  ),
  differs(
    'what only a mount reads',
    stages(from('base', 'RUN --mount=type=bind,source=d,target=/m cat /m/a > /x')),
    files({ 'd/a': file('2') }),
    false,
  ),
  differs(
    'what ONBUILD of an earlier stage copies',
    stages(from('base', 'ONBUILD COPY b /x'), from('before')),
    files({ b: file('2') }),
    false,
  ),
  differs(
    'how containers of a stage start that is only copied from',
    stages(from('base', 'COPY a /x/', 'CMD x'), from('scratch', 'COPY --from=$P /x /x/')),
    stages(from('base', 'COPY a /x/', 'CMD y'), from('scratch', 'COPY --from=$P /x /x/')),
    true,
  ),
  differs(
    'WORKDIR on scratch, which BuildKit never calls cached',
    stages(from('scratch', 'WORKDIR /w', 'COPY a /x/')),
    files({ b: file('2') }),
    true,
  ),
];
