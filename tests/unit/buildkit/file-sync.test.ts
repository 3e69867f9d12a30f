import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeFolder, memoryEntry, type SentEntry } from '../../../src/buildkit/context-entries.ts';
import { makeDockerfileFolder } from '../../../src/buildkit/dockerfile-folder.ts';
import { parseFolderRequest, selectEntries } from '../../../src/buildkit/file-sync.ts';

const test = suite('what an engine gets of which folder');
const text = (name: string): SentEntry => memoryEntry(name, Buffer.from(name));
const ignored: SentEntry = { entry: { path: '.dockerignore', type: 'link', target: 'a' }, source: '' };
const dockerfile = makeDockerfileFolder('Dockerfile.debian', Buffer.from('FROM scratch\n'));

function selected(context: readonly SentEntry[], headers: Record<string, string[]>): string[] | undefined {
  const folders = new Map([
    ['context', makeFolder(context)],
    [dockerfile.key, dockerfile.folder],
  ]);
  const request = parseFolderRequest(new Map(Object.entries(headers)));
  return selectEntries(folders, request)?.map(({ entry }) => entry.path);
}

const cases: readonly [string, readonly SentEntry[], Record<string, string[]>, string[] | undefined][] = [
  ['the context', [text('a'), text('b')], { 'dir-name': ['context'] }, ['a', 'b']],
  [
    'all of it, whatever paths and patterns',
    [text('a'), text('b')],
    { 'dir-name': ['context'], followpaths: ['a'], 'include-patterns': ['a'], 'exclude-patterns': ['b'] },
    ['a', 'b'],
  ],
  [
    'the Dockerfile and its ignore file',
    [text('a')],
    { 'dir-name': [dockerfile.key], followpaths: ['Dockerfile.debian', 'Dockerfile.debian.dockerignore'] },
    ['Dockerfile.debian', 'Dockerfile.debian.dockerignore'],
  ],
  [
    'no .dockerignore, if there is none (20.10 asks for it)',
    [text('a')],
    { 'dir-name': ['context'], followpaths: ['.dockerignore'] },
    [],
  ],
  [
    'the .dockerignore alone, which COPY .dockerignore needs',
    [text('.dockerignore'), text('a')],
    { 'dir-name': ['context'], followpaths: ['.dockerignore'] },
    ['.dockerignore'],
  ],
  [
    'everything, if .dockerignore is a symlink',
    [ignored, text('a')],
    { 'dir-name': ['context'], followpaths: ['.dockerignore'] },
    ['.dockerignore', 'a'],
  ],
  [
    'everything, if .dockerignore is one of several paths',
    [text('.dockerignore'), text('a')],
    { 'dir-name': ['context'], followpaths: ['.dockerignore', 'a'] },
    ['.dockerignore', 'a'],
  ],
  ['an unknown folder', [text('a')], { 'dir-name': ['dockerfile'] }, undefined],
  ['an inherited property', [text('a')], { 'dir-name': ['constructor'] }, undefined],
  ['no name', [text('a')], {}, undefined],
];

for (const [what, context, headers, expected] of cases)
  test(what, () => {
    assert.equal(selected(context, headers), expected);
  });

test('header values are unescaped only where the engine says so', () => {
  const headers = new Map([
    ['dir-name', ['context']],
    ['followpaths', ['a+b%C3%A4', '%2E']],
    ['followpaths-encoded', ['1']],
  ]);
  assert.equal(parseFolderRequest(headers), { name: 'context', followPaths: ['a bä', '.'] });
  headers.delete('followpaths-encoded');
  assert.equal(parseFolderRequest(headers).followPaths, ['a+b%C3%A4', '%2E']);
});

test.run();
