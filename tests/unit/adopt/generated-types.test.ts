import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { arrangeTargets } from '../../../src/adopt/arrange.ts';
import { reduceTargets } from '../../../src/adopt/reduce.ts';
import type { ForeignTarget } from '../../../src/adopt/target.ts';
import { writeDefinitions } from '../../../src/adopt/write-definitions.ts';

const test = suite('types of written definitions');

function target(tag: string, fields: Partial<ForeignTarget> = {}): ForeignTarget {
  return {
    name: tag,
    place: tag,
    context: '.',
    dockerfile: 'Dockerfile',
    args: {},
    labels: {},
    tags: [tag],
    platforms: [],
    contexts: {},
    options: {},
    ...fields,
  };
}

/** Returns the errors that an editor shows in a project that does not install the package. */
function errorsOf(text: string): string[] {
  const types = readFileSync('types/image-tasks.d.ts', 'utf8').replace(/^(export )?declare /gm, '$1');
  const files = new Map([
    ['/p/images.ts', text],
    ['/p/image-tasks.d.ts', `declare module 'image-tasks' {\n${types}}\n`],
  ]);
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (file) => files.has(file) || fileExists(file);
  host.readFile = (file) => files.get(file) ?? readFile(file);
  host.getSourceFile = (file, ...rest) => {
    const own = files.get(file);
    return own === undefined
      ? getSourceFile(file, ...rest)
      : ts.createSourceFile(file, own, ts.ScriptTarget.ES2023);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

test('tables, templates, exceptions, needs, common values and volatile labels compile strictly', () => {
  const labels = { vendor: 'x', licenses: 'y', 'org.opencontainers.image.revision': '' };
  const targets = ['14.2', '15.3', '16.1~rc1'].flatMap((version) =>
    ['trixie', 'bookworm', 'bullseye'].map((distro) =>
      target(`team/pg:${version.replace('~', '')}-${distro}`, {
        args: {
          PG_VERSION: version,
          BASE: { trixie: 'aa1', bookworm: 'b22', bullseye: '3cc' }[distro]!,
          ...(distro === 'trixie' && { NEW: '1' }),
        },
        labels: {
          ...labels,
          odd:
            version === '15.3' && distro === 'trixie'
              ? 'one'
              : `${distro.length}${version.length}${distro[0]}`,
        },
        tags: [
          `team/pg:${version.replace('~', '')}-${distro}`,
          ...(version.includes('~') ? [] : [`team/pg:${version.slice(0, 2)}-${distro}`]),
        ],
        platforms: ['linux/amd64'],
      }),
    ),
  );
  const apps = ['1', '2', '3'].map((version) =>
    target(`team/app:${version}`, {
      context: `app/${version}`,
      dockerfile: `app/${version}/Dockerfile`,
      labels: { ...labels, code: { 1: 'x', 2: 'yy', 3: 'zzz' }[version]! },
    }),
  );
  const text = 'ARG PG_VERSION\nARG BASE\nARG NEW\nFROM scratch\n';
  const sources = {
    dockerfile: (path: string) =>
      path.startsWith('app') ? `FROM team/pg:1${path[4]! === '1' ? '4.2' : '5.3'}-trixie\n` : text,
    moment: { commit: undefined, now: new Date(0) },
  };
  const { targets: reduced } = reduceTargets([...targets, ...apps], sources);
  const written = writeDefinitions(arrangeTargets(reduced), 'a test').text;
  for (const part of [
    'matrix(',
    'baseByDistro[c.distro]',
    'Record<string, string>',
    '...commonLabels',
    'major(',
    'pg.at(',
    'revision',
  ])
    assert.ok(written.includes(part), `${part}\n${written}`);
  assert.equal(errorsOf(written), []);
});

test.run();
