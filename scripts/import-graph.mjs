// Draws which folders of src/ import which, as a Mermaid block in docs/architecture.md. The arrows come from the import lines,
// imports of types and dynamic imports included. `npm run import-graph` writes the block; with `--check` it only reports a block that
// is out of date (exit code 1).
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values: flags } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    src: { type: 'string', default: path.join(root, 'src') },
    page: { type: 'string', default: path.join(root, 'docs/architecture.md') },
  },
});
const markers = ['<!-- import graph: npm run import-graph -->', '<!-- end of import graph -->'];

/** Returns the folders that each folder of `src` imports. */
function readImports(src) {
  const imports = new Map();
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const folder = topFolder(file);
    const targets = imports.get(folder) ?? new Set();
    imports.set(folder, targets);
    const text = readFileSync(path.join(src, file), 'utf8');
    for (const { fileName } of ts.preProcessFile(text).importedFiles) {
      if (!fileName.startsWith('.')) continue;
      const target = topFolder(path.join(path.dirname(file), fileName));
      if (target !== folder) targets.add(target);
    }
  }
  return imports;
}

function topFolder(file) {
  return file.split(path.sep)[0];
}

/** Whether an import path leads from a folder to another. @throws where the folders import each other in a circle */
function reaches(imports, from, to, path = [from]) {
  return [...(imports.get(from) ?? [])].some((next) => {
    if (path.includes(next)) throw new Error(`src/ has an import cycle: ${[...path, next].join(' -> ')}`);
    return next === to || reaches(imports, next, to, [...path, next]);
  });
}

/** Drops each arrow that a longer path already implies. */
function reduce(imports) {
  return new Map(
    [...imports].map(([folder, targets]) => [
      folder,
      [...targets].filter((target) => ![...targets].some((other) => reaches(imports, other, target))),
    ]),
  );
}

function render(imports) {
  // Mermaid reserves some words, `graph` among them: ids have a prefix.
  const arrows = [...imports]
    .filter(([, targets]) => targets.length > 0)
    .map(
      ([folder, targets]) =>
        `  src_${folder} --> ${targets
          .sort()
          .map((target) => `src_${target}`)
          .join(' & ')}`,
    );
  const nodes = [...imports.keys()].map((folder) => `  src_${folder}["${folder}"]`);
  return ['```mermaid', 'flowchart TD', ...nodes.sort(), ...arrows.sort(), '```'].join('\n');
}

/** Puts the block between the markers of a page. @throws where a marker is missing */
function insert(text, block) {
  const [start, end] = markers.map((marker) => text.indexOf(marker));
  if (start < 0 || end < start)
    throw new Error(`${flags.page}: expected the lines "${markers[0]}" and "${markers[1]}"`);
  return `${text.slice(0, start + markers[0].length)}\n\n${block}\n\n${text.slice(end)}`;
}

function main() {
  const before = readFileSync(flags.page, 'utf8');
  const after = insert(before, render(reduce(readImports(flags.src))));
  if (after === before) return 0;
  if (!flags.check) {
    writeFileSync(flags.page, after);
    return 0;
  }
  const page = path.relative(root, flags.page);
  console.error(`${page}: the import graph is out of date: run npm run import-graph`);
  return 1;
}

try {
  process.exitCode = main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
