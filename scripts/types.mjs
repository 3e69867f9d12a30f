// Writes the type declarations of the package to dist/types: those of its entry points and of the files that they import.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const entries = ['src/define/index.ts', 'src/app/api.ts'];
const outDir = path.join(root, 'dist/types');

const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), ts.sys.readFile);
const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
const program = ts.createProgram(
  entries.map((entry) => path.join(root, entry)),
  {
    ...options,
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: path.join(root, 'src'),
    outDir,
  },
);
const problems = ts.getPreEmitDiagnostics(program);
if (problems.length > 0) {
  const host = {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => root,
    getNewLine: () => '\n',
  };
  process.stderr.write(ts.formatDiagnostics(problems, host));
  process.exit(1);
}
const declarations = new Map();
program.emit(undefined, (file, text) => declarations.set(file, text));

/** Returns the declarations that a declaration imports. It names them `./x.ts`; the files are `x.d.ts`. */
function referredFrom(file) {
  const names = declarations.get(file).matchAll(/(?:from|import\()\s*['"](\.[^'"]+)\.ts['"]/g);
  return [...names].map(([, name]) => path.resolve(path.dirname(file), `${name}.d.ts`));
}

rmSync(outDir, { recursive: true, force: true });
const written = new Set();
function write(file) {
  if (written.has(file)) return;
  written.add(file);
  ts.sys.writeFile(file, declarations.get(file));
  for (const next of referredFrom(file)) write(next);
}
for (const entry of entries) write(path.join(outDir, path.relative('src', entry).replace(/\.ts$/, '.d.ts')));
