import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { tempFolder } from './temp.ts';

export type FileNode = { text: string; isProgram: boolean } | { link: string } | 'dir';
/** A project of one image, as data: fast-check shrinks it. */
export interface ProjectState {
  readonly files: Readonly<Record<string, FileNode>>;
  readonly ignore: readonly string[];
  readonly stages: readonly {
    readonly from: 'base' | 'scratch' | 'before';
    readonly lines: readonly string[];
  }[];
  readonly args: Readonly<Record<string, string>>;
  /** Before the first line. */
  readonly head?: string;
  /** What all lines end with; a line feed where it is left out. */
  readonly lineEnd?: string;
  /** What names of stages begin with; `s` where it is left out. */
  readonly stageName?: string;
  /** The number of the stage that is built; the last where it is left out. */
  readonly target?: number;
}

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
/** Instructions; $P stands for an earlier stage, and is left out where there is none. */
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
/** Any of them. Dockerfiles of docker 20.10's language, on a base that can run a shell or on scratch. */
export const stateArb: fc.Arbitrary<ProjectState> = fc.record({
  files: filesArb,
  ignore: ignoreArb,
  stages: fc.array(stageArb, { minLength: 1, maxLength: 3 }),
  args: argsArb,
});

/** One thing that becomes different. */
export interface ProjectChange {
  readonly what: string;
  readonly apply: (state: ProjectState) => ProjectState;
}
export const replaceAt = <T>(list: readonly T[], at: number, value: (old: T) => T): T[] =>
  list.map((each, index) => (index === at % Math.max(1, list.length) ? value(each) : each));
export const changeStage =
  (at: number, change: (lines: readonly string[]) => readonly string[]) =>
  (state: ProjectState): ProjectState => ({
    ...state,
    stages: replaceAt(state.stages, at, (stage) => ({ ...stage, lines: change(stage.lines) })),
  });
export const changeArb: fc.Arbitrary<ProjectChange> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(pathArb, nodeArb).map(([name, node]) => ({
      what: `${name} becomes ${JSON.stringify(node)}`,
      apply: (state: ProjectState) => ({ ...state, files: { ...state.files, [name]: node } }),
    })),
  },
  {
    weight: 2,
    arbitrary: pathArb.map((name) => ({
      what: `${name} goes`,
      apply: (state: ProjectState) => ({
        ...state,
        files: Object.fromEntries(Object.entries(state.files).filter(([each]) => each !== name)),
      }),
    })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(2), fc.nat(4), lineArb).map(([stage, at, line]) => ({
      what: `stage ${stage} line ${at} becomes ${line}`,
      apply: changeStage(stage, (lines) => replaceAt(lines, at, () => line)),
    })),
  },
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
  {
    weight: 2,
    arbitrary: argsArb.map((args) => ({
      what: `args ${JSON.stringify(args)}`,
      apply: (state: ProjectState) => ({ ...state, args }),
    })),
  },
  {
    weight: 1,
    arbitrary: ignoreArb.map((ignore) => ({
      what: `ignore ${ignore.join(' ')}`,
      apply: (state: ProjectState) => ({ ...state, ignore }),
    })),
  },
  { weight: 1, arbitrary: fc.constant({ what: 'nothing but times', apply: (state: ProjectState) => state }) },
);

/** The name of a state's stage. */
export function nameOfStage({ stageName = 's' }: ProjectState, index: number): string {
  return `${stageName}${index}`;
}

/** The Dockerfile of a state; its base is the build arg BASE. */
export function dockerfileOf(state: ProjectState): string {
  const { stages, head = '', lineEnd = '\n' } = state;
  const text = stages.map(({ from, lines }, index) => {
    const before = index > 0 ? nameOfStage(state, index - 1) : undefined;
    const origin =
      from === 'base' || (from === 'before' && before === undefined)
        ? '$BASE'
        : from === 'before'
          ? before
          : from;
    const own = lines
      .filter((line) => before !== undefined || !/\$P\b|--from=[+0]/.test(line))
      .filter((line) => from !== 'scratch' || !/^(ONBUILD )?RUN/.test(line));
    const name = nameOfStage(state, index);
    return [`FROM ${origin} AS ${name}`, ...own.map((line) => line.replace(/\$P\b/, before ?? ''))].join(
      '\n',
    );
  });
  return `${head}ARG BASE\n${text.join('\n\n')}\n`.replaceAll('\n', lineEnd);
}

/** A new folder that holds the state: `c/` is the context. Undefined where one path would be below another. */
export function writeProject(state: ProjectState): string | undefined {
  const root = tempFolder();
  const context = path.join(root, 'c');
  mkdirSync(context);
  for (const [name, node] of Object.entries(state.files)) {
    const file = path.join(context, name);
    try {
      mkdirSync(path.dirname(file), { recursive: true });
      if (node === 'dir') mkdirSync(file, { recursive: true });
      else if ('link' in node) symlinkSync(node.link, file);
      else {
        writeFileSync(file, node.text);
        chmodSync(file, node.isProgram ? 0o755 : 0o644);
      }
    } catch {
      return undefined;
    }
  }
  if (state.ignore.length > 0)
    writeFileSync(path.join(context, '.dockerignore'), `${state.ignore.join('\n')}\n`);
  writeFileSync(path.join(context, 'Dockerfile'), dockerfileOf(state));
  return root;
}
