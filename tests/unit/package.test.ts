import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('the package');

const { Node10, Node16, NodeNext, Bundler } = ts.ModuleResolutionKind;

/** Returns where TypeScript finds the types of `image-tasks` in a project that installed it, relative to the package. */
function typesFile(moduleResolution: ts.ModuleResolutionKind): string | undefined {
  const installed = '/p/node_modules/image-tasks/';
  const own = (file: string): string =>
    file.startsWith(installed) ? path.resolve(file.slice(installed.length)) : '/nonexistent';
  const host: ts.ModuleResolutionHost = {
    fileExists: (file) => existsSync(own(file)),
    readFile: (file) => readFileSync(own(file), 'utf8'),
  };
  const found = ts.resolveModuleName('image-tasks', '/p/tasks/images.ts', { moduleResolution }, host);
  return found.resolvedModule?.resolvedFileName.slice(installed.length);
}

test('editors find the types of definitions, also without a tsconfig.json', () => {
  for (const kind of [Node10, Node16, NodeNext, Bundler])
    assert.is(typesFile(kind), 'types/image-tasks.d.ts', ts.ModuleResolutionKind[kind]);
});

test.run();
