// Generates schema/*.json, the JSON schemas of what the program prints and writes, from the TypeScript types. Descriptions come
// from doc comments. `npm run schemas` writes the files; with `--check` it only reports files that are out of date (exit code 1).
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import tsj from 'ts-json-schema-generator';
import ts from 'typescript';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const documents = [
  {
    name: 'plan',
    file: 'src/model/documents.ts',
    type: 'PlanDocument',
    title: 'The plan: tasks plan --json',
  },
  {
    name: 'events',
    file: 'src/model/events.ts',
    type: 'RunEvent',
    title: 'An event of a run: one line of tasks build --json, test --json, push --json or watch --json',
  },
  {
    name: 'release',
    file: 'src/release/release-file.ts',
    type: 'ReleaseFile',
    title: 'The release file: tasks push --release --output FILE',
  },
  {
    name: 'graph',
    file: 'src/model/documents.ts',
    type: 'GraphDocument',
    title: 'The task graph: tasks graph --format json',
  },
];
const open = 'Later versions may add fields: ignore the fields that you do not know.';

const { values: flags } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    folder: { type: 'string', default: path.join(root, 'schema') },
  },
});

/** One program for all documents: reading the sources takes most of the time. */
function readSources() {
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, root);
  const files = [...new Set(documents.map(({ file }) => path.join(root, file)))];
  return ts.createProgram(files, { ...options, types: [] });
}

/** Returns the text of a schema file. */
function render(program, { name, type, title }) {
  // `tsc` checks the types. Without `additionalProperties` every object of the schema would forbid fields that it does not list.
  const config = {
    ...tsj.DEFAULT_CONFIG,
    type,
    topRef: false,
    additionalProperties: true,
    skipTypeCheck: true,
  };
  const parser = tsj.createParser(program, config);
  const generator = new tsj.SchemaGenerator(program, parser, tsj.createFormatter(config), config);
  const { $schema, description, ...rest } = generator.createSchema(type);
  const head = {
    $schema,
    $id: `urn:image-tasks:schema:${name}`,
    title,
    description: `${description} ${open}`,
  };
  return `${JSON.stringify({ ...head, ...rest }, null, 2)}\n`;
}

const program = readSources();
if (!flags.check) mkdirSync(flags.folder, { recursive: true });
for (const document of documents) {
  const file = path.join(flags.folder, `${document.name}.json`);
  const text = render(program, document);
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
  if (flags.check) {
    console.error(`${path.relative(root, file)} is out of date: run npm run schemas`);
    process.exitCode = 1;
  } else writeFileSync(file, text);
}
