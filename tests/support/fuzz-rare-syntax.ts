import * as fc from 'fast-check';
import { addOrReplaceFile, type ProjectChange, removeFile, replaceLine, setArgs } from './fuzz-changes.ts';
import type { FileNode, ProjectState } from './fuzz-projects.ts';

const paths = ['a', 'b', 'x.txt', 'a b', 'd/a', 'd/x.txt', 'd/e/c', 'u@h:x', '$A', '$E', 'E', '0'];
const pathArb = fc.constantFrom(...paths);
const nodeArb: fc.Arbitrary<FileNode> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ text: fc.constantFrom('1', '2'), isProgram: fc.constant(false) }) },
  { weight: 1, arbitrary: fc.record({ link: fc.constantFrom('a', 'd', '../a') }) },
);

/** ARG and ENV instructions. */
const settings = [
  'ARG "A"=a',
  "ARG 'B'=b",
  'ARG "A"',
  'ARG A\\=a',
  'ARG A=a B=$A',
  'ARG A=b\nARG B=$A',
  'ENV N=A\nARG $N=b',
  'ENV N=A\nENV $N=b',
  'ARG A',
  'ARG B=b A',
  'ARG TARGETARCH\nCOPY a /arch/$TARGETARCH',
  'ARG TARGETSTAGE\nRUN echo "$TARGETSTAGE" > /stage',
  'ARG "TARGETSTAGE"\nRUN echo "$TARGETSTAGE" > /stage',
  'ARG TARGETSTAGE\nENV STAGE=$TARGETSTAGE',
  'ENV "E"=a',
  "ENV 'E'='a'",
  'ENV E=a F=$E',
  'ENV E=a\nENV E=b F=$E\nCOPY $F /f/',
  'ENV E=a\\ b',
  'ENV E a  b',
  'ENV "E" a',
  'ENV $A=b',
  'ENV "$B"=a',
  'ENV A=b B=$A',
  'ENV A=x.txt \\\n  # between\n\n  B=b',
  'ENV A=b\nARG A=a',
  'ARG A=a\nENV A=b',
  'ARG PATH=a\nRUN echo "$PATH" > /path',
];
const copies = [
  'COPY $E /e/',
  'COPY "$E" /e/',
  'COPY $E* /es/',
  'COPY ${A}* /as/',
  'COPY $A /var/',
  'COPY $B* /bs/',
  'COPY ["$A", "/j/"]',
  'COPY [ "a",  "a b" , "/j/" ]',
  'COPY ["a\\u0020b", "/j"]',
  'COPY "a b" /q/',
  'COPY a\\ b /q/',
  'COPY ${A:-a} /def/',
  'COPY ${A:+b} a /plus/',
  'COPY --from= a /fe/',
  'COPY --from= $A* /fe/',
  'COPY --chmod=600 a /mode/',
  'COPY --chown="1:1" a /own/',
  "COPY '--chown=1:1' a /own/",
  'COPY -- a /dd/',
  'COPY a \\\n  b \\\n# c\n  /cont/',
  'COPY ./d/./e/../a /clean/',
  'COPY d/../*.txt /clean/',
  'COPY [a-b] /range/',
  'COPY [^b] /not/',
  'COPY \\$A /dollar/',
  'COPY u@h:* /u/',
  'ADD u@h:* /u/',
  'ADD ["a", "/x/"]',
  'ADD $A $B* /add/',
];
const runs = [
  'RUN --mount=type=bind,source=$A,target=/m cat /m > /m.a; true',
  'RUN --mount=source="$A",target=/m cat /m > /m.q; true',
  'RUN --mount=type=bind,from=,source=d,target=/m ls -R /m > /m.e; true',
  'RUN --mount=from=$P,from=,target=/m ls -R /m > /m.two; true',
  'RUN --mount=from=,from=$P,target=/m ls -R /m > /m.last; true',
  'RUN --mount=type=bind,"source=d",target=/m ls -R /m > /m.csv; true',
  'RUN --mount=TYPE=bind,SRC=a,DST=/m cat /m > /m.up; true',
  'RUN --mount=type=cache,from=$P,source=/x,target=/m,id=x ls -R /m > /m.c; true',
  'RUN --mount=source=./d/../a,target=/m cat /m > /m.clean; true',
  'RUN --mount=source=a,source=b,target=/m cat /m > /m.b; true',
  'ARG T=bind\nRUN --mount=type=${T},source=a,target=/m cat /m > /m.t; true',
  'RUN --network=none echo n > /n',
  'RUN [ "echo" , "a  b" ]',
  'RUN echo "a  b"   c > /spaces',
  'RUN echo 1 \\\n   \n  # c\n  && echo 2 > /two',
  'RUN echo "$A$E$N" > /vars',
  'SHELL ["/bin/sh", "-ec"]\nRUN echo s > /s',
];
const triggers = [
  'ONBUILD ARG "A"=b',
  'ONBUILD ENV E=b',
  'ONBUILD COPY $A* /ob/',
  'ONBUILD RUN --mount=source=a,target=/m cat /m > /ob; true',
  'ONBUILD COPY ["a b", "/ob/"]',
  'onbuild copy a \\\n  /ob/',
];
const stageReads = [
  'COPY --from=$P / /all/',
  'COPY --from=+0 / /zero/',
  'COPY --from=00 / /zero/',
  'COPY --from="$P" /x /x/',
  'RUN --mount=type=bind,from=$P,target=/m ls -R /m > /m.from; true',
];
const modern = [
  // Docker 20.10 crashes on it.
  'RUN --mount=type=tmpfs,from=$P,target=/m true',
  'COPY --link a /l/',
  'COPY --link=true d /l/',
  'ADD --link a /l/',
  'COPY <<EOF /h\n$A\nEOF',
  'COPY <<"EOF" a /h/\n$A\nEOF',
  'COPY <<-EOF /h\n\ttab $E\n\tEOF',
  'COPY <<one <<two /h/\n1\none\n2 $B\ntwo',
  'RUN <<EOF\necho "$A" > /r\nEOF',
  'RUN cat <<EOF > /r\n$A \\$A\nEOF',
  'RUN <<"E F"\necho 1 > /ef\nE F',
  'ONBUILD RUN <<EOF\necho on > /on\nEOF',
  'COPY ${A%.txt}* /suffix/',
  'COPY ${A#x}* /prefix/',
  'COPY ${A/x/a}* /replaced/',
  'COPY ${A//[.x]/a}* /replaced/',
  'COPY ${E-a} /unset/',
  'COPY --exclude=*.txt d /ex/',
  'COPY --exclude=a --exclude=*.txt d /ex/',
  'COPY --exclude="a --exclude=b" d /ex/',
  'COPY --parents d/./e/c /par/',
  'COPY --parents d/./** /par/',
  'COPY --parents d/e/../a /par/',
  'COPY --parents ./d/./../a /par/',
  'RUN --mount=type=bind,source=${A:-a},target=/m cat /m > /m.d; true',
];
const plain = [
  'COPY a /x/',
  'COPY d /d',
  'RUN ls -R / > /list 2> /dev/null; true',
  'LABEL "l"=$A',
  'LABEL l=1 m="2 3"',
];

const lineOf = (isModern: boolean): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...settings) },
    { weight: 6, arbitrary: fc.constantFrom(...copies) },
    { weight: 3, arbitrary: fc.constantFrom(...runs) },
    { weight: 1, arbitrary: fc.constantFrom(...triggers) },
    { weight: 2, arbitrary: fc.constantFrom(...stageReads) },
    { weight: 2, arbitrary: fc.constantFrom(...plain) },
    ...(isModern ? [{ weight: 6, arbitrary: fc.constantFrom(...modern) }] : []),
  );

const headArb = fc.constantFrom(
  '',
  '',
  '',
  '\uFEFF',
  '# escape=\\\n',
  '# escape=`\n',
  '# check=skip=all\n',
  '# a=b\n# escape=`\n',
  '#escape = `\n# a comment\n',
  'ARG A=b\n',
  'ARG "A"=b\n',
  'ARG SOURCE_DATE_EPOCH=1700000000\n',
  'ARG TARGETARCH\n',
  '\n  \n# c\n',
);
const argsArb = fc.record(
  {
    A: fc.constantFrom('a', 'd', 'x.txt', 'E'),
    B: fc.constantFrom('a', 'b'),
    E: fc.constant('b'),
    TARGETSTAGE: fc.constantFrom('mine'),
    TARGETARCH: fc.constantFrom('mine'),
  },
  { requiredKeys: [] },
);
const ignoreArb = fc.array(
  fc.constantFrom('*.txt', 'd/e', '!d/e/c', '**/c', '$A', '[ab]', 'Dockerfile', '?@h:*'),
  {
    maxLength: 2,
  },
);

/** Projects whose Dockerfiles use rare syntax. `isModern` adds syntax that needs docker 23 or newer. */
export function rareSyntaxStates(isModern: boolean): fc.Arbitrary<ProjectState> {
  const file = (text: string): FileNode => ({ text, isProgram: false });
  const start = {
    a: file('1'),
    b: file('1'),
    'x.txt': file('1'),
    'a b': file('1'),
    'd/a': file('1'),
    E: file('1'),
  };
  return fc.record(
    {
      files: fc
        .dictionary(pathArb, nodeArb, { maxKeys: 6 })
        .map((files) => ({ ...start, 'd/e/c': file('1'), ...files })),
      ignore: ignoreArb,
      stages: fc.array(
        fc.record({
          from: fc.constantFrom('base' as const, 'base' as const, 'scratch' as const, 'before' as const),
          lines: fc.array(lineOf(isModern), { minLength: 1, maxLength: 4 }),
        }),
        { minLength: 1, maxLength: 3 },
      ),
      args: argsArb,
      head: headArb,
      lineEnd: fc.constantFrom('\n', '\n', '\n', '\r\n'),
      stageName: fc.constantFrom('s', 'S'),
      target: fc.nat(2),
    },
    { requiredKeys: ['files', 'ignore', 'stages', 'args'] },
  );
}

/** Single changes of such a project. */
export function rareSyntaxChanges(isModern: boolean): fc.Arbitrary<ProjectChange> {
  return fc.oneof(
    { weight: 6, arbitrary: addOrReplaceFile(pathArb, nodeArb) },
    { weight: 2, arbitrary: removeFile(pathArb) },
    { weight: 2, arbitrary: replaceLine(lineOf(isModern), 3) },
    { weight: 4, arbitrary: setArgs(argsArb) },
    {
      weight: 1,
      arbitrary: headArb.map((head) => ({
        what: `head ${JSON.stringify(head)}`,
        apply: (state: ProjectState) => ({ ...state, head }),
      })),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom('\n', '\r\n').map((lineEnd) => ({
        what: `lines end with ${JSON.stringify(lineEnd)}`,
        apply: (state: ProjectState) => ({ ...state, lineEnd }),
      })),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom('t', 'T').map((stageName) => ({
        what: `stages are called ${stageName}`,
        apply: (state: ProjectState) => ({ ...state, stageName }),
      })),
    },
  );
}
