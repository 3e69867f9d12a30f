// Writes the type declarations of the Node API to dist/types: those of its entry point and of the files that it imports. The types of
// definitions are in types/image-tasks.d.ts. Each file is translated by itself, which takes half a second.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const source = path.join(root, 'src');
const outDir = path.join(root, 'dist/types');

rmSync(outDir, { recursive: true, force: true });
const written = new Set();
function write(file) {
  if (written.has(file)) return;
  written.add(file);
  const { outputText, diagnostics = [] } = ts.transpileDeclaration(readFileSync(file, 'utf8'), {
    fileName: file,
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      allowImportingTsExtensions: true,
    },
  });
  const [problem] = diagnostics;
  if (problem !== undefined)
    throw new Error(
      `${path.relative(root, file)}: ${ts.flattenDiagnosticMessageText(problem.messageText, '\n')}`,
    );
  const output = path.join(outDir, path.relative(source, file).replace(/\.ts$/, '.d.ts'));
  mkdirSync(path.dirname(output), { recursive: true });
  writeFileSync(output, outputText.replace(/((?:from|import\()\s*['"]\.[^'"]+)\.ts(['"])/g, '$1.js$2'));
  for (const [, name] of outputText.matchAll(/(?:from|import\()\s*['"](\.[^'"]+)['"]/g))
    write(path.resolve(path.dirname(file), name));
}
write(path.join(source, 'app/api.ts'));
// dist/ itself holds CommonJS, and api.mjs is a module.
writeFileSync(path.join(outDir, 'package.json'), '{ "type": "module" }\n');
