import * as fc from 'fast-check';
import {
  addOrReplaceFile,
  changeStage,
  type ProjectChange,
  removeFile,
  replaceAt,
  replaceLine,
  setArgs,
} from './fuzz-changes.ts';
import type { FileNode, ProjectState } from './fuzz-projects.ts';

const paths = ['a', 'b', 'x.txt', 'y.txt', '.h', 'd/a', 'd/b', 'd/x.txt', 'd/e/c', 'd/e/a', 'f/g'];
const pathArb = fc.constantFrom(...paths);
const nodeArb: fc.Arbitrary<FileNode> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ text: fc.constantFrom('1', '2', '3'), isProgram: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ link: fc.constantFrom('a', 'd', 'b', '../a', '/d/a', 'gone') }) },
  { weight: 1, arbitrary: fc.constant('dir' as const) },
);
const filesArb = fc
  .tuple(fc.dictionary(pathArb, nodeArb, { minKeys: 2, maxKeys: 8 }), fc.constantFrom('1', '2'))
  .map(([files, text]): ProjectState['files'] => ({
    a: { text, isProgram: false },
    'd/a': { text, isProgram: false },
    'x.txt': { text, isProgram: false },
    ...files,
  }));
const ignoreArb = fc.array(
  fc.constantFrom(
    '*.txt',
    'd/e',
    '!d/e/c',
    '**/c',
    '/b',
    'f',
    'd/*',
    '!d/a',
    '# c',
    '.dockerignore',
    'Dockerfile',
    '**/*.txt',
    '!x.txt',
  ),
  { maxLength: 3 },
);
/** Instructions. $P is an earlier stage; lines with it are left out of the first stage. */
const lineArb = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      'COPY a /x/',
      'COPY d /d',
      'COPY d/e /e/',
      'COPY *.txt /t/',
      'COPY d/* /ds/',
      'COPY [ab] /ab/',
      'COPY ["a", "d", "/j/"]',
      'COPY . /all/',
      'COPY ./d/../a /up',
      'COPY --chown=1:1 a /own',
      'ARG A=a\nCOPY $A /var/',
      'ARG B\nCOPY "${B:-a}" /def/',
      'COPY  f*   /f/',
    ),
  },
  { weight: 2, arbitrary: fc.constantFrom('ADD a /added/', 'ADD d/a d/b* /added/', 'ADD x.* /added/') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'RUN echo "$A$B$E" >> /log',
      'RUN ls -R / > /list 2> /dev/null; true',
      'RUN --mount=type=bind,target=/m ls -R /m > /m.list',
      'RUN --mount=type=bind,source=d,target=/m cat /m/a > /m.a; true',
      'RUN --mount=target=/m,source=a cat /m > /m.one; true',
      'RUN --mount=type=cache,target=/c echo 1',
      'RUN --mount=type=tmpfs,target=/c echo 1',
      'RUN ["echo", "a b"]',
      'RUN echo 1 \\\n  # between\n\n  && echo 2',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'ARG A',
      'ARG A=a',
      'ARG B',
      'ARG B=${A}',
      'ARG C=1',
      'ENV E=$A',
      'ENV E 1',
      'ENV A=b',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'WORKDIR /w',
      'WORKDIR w$B',
      'USER 0',
      'LABEL l=1',
      'LABEL l=$A',
      'CMD ["x"]',
      'CMD x',
      'ENTRYPOINT ["y"]',
      'EXPOSE 80',
      'VOLUME /v',
      'STOPSIGNAL 9',
      'ONBUILD COPY b* /onbuild/',
      'ONBUILD RUN echo on',
      'SHELL ["/bin/sh", "-c"]',
      '# a comment',
      '',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'COPY --from=$P /x /from/',
      'COPY --from=$P / /from/',
      'RUN --mount=type=bind,from=$P,target=/m ls -R /m > /m.from; true',
      'COPY --from=0 / /zero/',
    ),
  },
);
const stageArb = fc.record({
  from: fc.constantFrom('base' as const, 'base' as const, 'scratch' as const, 'before' as const),
  lines: fc.array(lineArb, { minLength: 1, maxLength: 5 }),
});
const argsArb = fc.record(
  { A: fc.constantFrom('a', 'd', 'x.txt'), B: fc.constantFrom('a', 'b') },
  { requiredKeys: [] },
);
/** Projects in common syntax that docker 20.10 supports, built on an image with a shell or on scratch. */
export const commonSyntaxStates: fc.Arbitrary<ProjectState> = fc.record({
  files: filesArb,
  ignore: ignoreArb,
  stages: fc.array(stageArb, { minLength: 1, maxLength: 3 }),
  args: argsArb,
});

/** Single changes of such a project. */
export const commonSyntaxChanges: fc.Arbitrary<ProjectChange> = fc.oneof(
  { weight: 6, arbitrary: addOrReplaceFile(pathArb, nodeArb) },
  { weight: 2, arbitrary: removeFile(pathArb) },
  { weight: 2, arbitrary: replaceLine(lineArb, 4) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.nat(2), fc.nat(4), fc.constantFrom('# other', '', '   ', '# COPY b /'))
      .map(([stage, at, line]) => ({
        what: `${JSON.stringify(line)} in stage ${stage}`,
        apply: changeStage(stage, (lines) => [...lines.slice(0, at), line, ...lines.slice(at)]),
      })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat(2), fc.nat(4)).map(([stage, at]) => ({
      what: `keyword of line ${at} in stage ${stage} in lower case`,
      apply: changeStage(stage, (lines) =>
        replaceAt(lines, at, (line) => line.replace(/^[A-Z]+/, (word) => word.toLowerCase())),
      ),
    })),
  },
  { weight: 2, arbitrary: setArgs(argsArb) },
  {
    weight: 1,
    arbitrary: ignoreArb.map((ignore) => ({
      what: `ignore file becomes ${ignore.join(' ')}`,
      apply: (state: ProjectState) => ({ ...state, ignore }),
    })),
  },
  {
    weight: 1,
    arbitrary: fc.constant({ what: 'only the file times', apply: (state: ProjectState) => state }),
  },
);
