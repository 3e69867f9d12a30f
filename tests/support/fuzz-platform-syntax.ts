import * as fc from 'fast-check';
import {
  addOrReplaceFile,
  type ProjectChange,
  removeFile,
  replaceAt,
  replaceLine,
  setArgs,
} from './fuzz-changes.ts';
import type { FileNode, ProjectState } from './fuzz-projects.ts';
import { otherPlatform, ownPlatform } from './release.ts';

/** The architectures are names of files, too. */
const [own, other] = [ownPlatform, otherPlatform].map((platform) => platform.split('/')[1]!);
const pathArb = fc.constantFrom('a', 'b', 'd/a', own!, other!);
const nodeArb: fc.Arbitrary<FileNode> = fc.record({
  text: fc.constantFrom('1', '2'),
  isProgram: fc.constant(false),
});

/** Each names what the builder knows of the platforms, declared or not, or reads what the others wrote. $P is an earlier stage. */
const lineArb = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'ARG BUILDPLATFORM\nRUN echo "$BUILDPLATFORM" > /build-platform',
      'ARG BUILDARCH\nCOPY a /build/$BUILDARCH/',
      'ARG BUILDARCH\nCOPY $BUILDARCH /build-arch',
      'ARG BUILDOS\nENV E=$BUILDOS',
      'ARG BUILDVARIANT\nRUN echo "<$BUILDVARIANT>" > /build-variant',
      'ARG BUILDARCH=mine\nLABEL l=$BUILDARCH',
      'ARG "BUILDARCH"\nLABEL l=$BUILDARCH',
      'ARG A=$BUILDPLATFORM\nRUN echo "$A" > /a-of-build',
      'RUN echo "$BUILDPLATFORM" > /undeclared',
      'LABEL u=$BUILDARCH',
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'ARG TARGETPLATFORM\nRUN echo "$TARGETPLATFORM" > /target-platform',
      'ARG TARGETARCH\nCOPY $TARGETARCH /target-arch',
      'ARG TARGETARCH\nCOPY a /target/$TARGETARCH/',
      'ARG TARGETOS\nENV T=$TARGETOS',
      'ARG TARGETVARIANT\nRUN echo "<$TARGETVARIANT>" > /target-variant',
      'ARG TARGETARCH=mine\nLABEL t=$TARGETARCH',
      'ARG A=$TARGETARCH\nRUN echo "$A" > /a-of-target',
      'RUN echo "$TARGETARCH" > /undeclared',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'COPY a /x/',
      'COPY d /d',
      'COPY --from=$P / /from/',
      'COPY --from=0 / /zero/',
      'RUN --mount=type=bind,from=$P,target=/m ls -R /m > /m.from; true',
      'RUN ls -R / > /list 2> /dev/null; true',
      'ONBUILD COPY b /onbuild/',
      'ARG A=a',
    ),
  },
);

const platformArb = fc.constantFrom<string>(
  '$BUILDPLATFORM',
  '${BUILDPLATFORM}',
  '$TARGETPLATFORM',
  '${TARGETPLATFORM:-$BUILDPLATFORM}',
  'linux/$BUILDARCH',
  ownPlatform,
  otherPlatform,
);
const headArb = fc.constantFrom(
  '',
  '',
  '',
  'ARG BUILDPLATFORM\n',
  'ARG TARGETARCH\n',
  'ARG BUILDARCH=mine\n',
);
const argsArb = fc.record(
  { A: fc.constantFrom('a', 'd'), BUILDARCH: fc.constantFrom(own!, other!), TARGETARCH: fc.constant('mine') },
  { requiredKeys: [] },
);
const stageArb = fc.record(
  {
    from: fc.constantFrom('base' as const, 'base' as const, 'scratch' as const, 'before' as const),
    platform: platformArb,
    lines: fc.array(lineArb, { minLength: 1, maxLength: 4 }),
  },
  { requiredKeys: ['from', 'lines'] },
);
const file = (text: string): FileNode => ({ text, isProgram: false });

/** Projects for this machine's platform or another one, whose Dockerfiles name the platforms of the build and of the target. */
export const platformSyntaxStates: fc.Arbitrary<ProjectState> = fc.record(
  {
    files: fc.dictionary(pathArb, nodeArb, { maxKeys: 3 }).map((files) => ({
      a: file('1'),
      b: file('1'),
      'd/a': file('1'),
      [own!]: file('1'),
      [other!]: file('1'),
      ...files,
    })),
    ignore: fc.constant([]),
    stages: fc.array(stageArb, { minLength: 1, maxLength: 3 }),
    args: argsArb,
    head: headArb,
    platform: fc.constantFrom(ownPlatform, otherPlatform),
  },
  { requiredKeys: ['files', 'ignore', 'stages', 'args', 'platform'] },
);

/** Single changes of such a project. */
export const platformSyntaxChanges: fc.Arbitrary<ProjectChange> = fc.oneof(
  { weight: 4, arbitrary: addOrReplaceFile(pathArb, nodeArb) },
  { weight: 1, arbitrary: removeFile(pathArb) },
  { weight: 3, arbitrary: replaceLine(lineArb, 3) },
  { weight: 3, arbitrary: setArgs(argsArb) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat(2), fc.option(platformArb, { nil: undefined })).map(([at, platform]) => ({
      what: `FROM of stage ${at} is for ${platform ?? 'the target'}`,
      apply: (state: ProjectState) => ({
        ...state,
        stages: replaceAt(state.stages, at, ({ from, lines }) => ({
          from,
          lines,
          ...(platform === undefined ? {} : { platform }),
        })),
      }),
    })),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(ownPlatform, otherPlatform).map((platform) => ({
      what: `the image is for ${platform}`,
      apply: (state: ProjectState) => ({ ...state, platform }),
    })),
  },
  {
    weight: 1,
    arbitrary: headArb.map((head) => ({
      what: `head ${JSON.stringify(head)}`,
      apply: (state: ProjectState) => ({ ...state, head }),
    })),
  },
);
