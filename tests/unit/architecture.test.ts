import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const root = process.cwd();
const src = path.join(root, 'src');

/** Which modules each module may import besides itself. Any other import is an error. */
const mayImport: Record<string, readonly string[]> = {
  model: [],
  disk: [],
  define: ['model'],
  load: ['model', 'disk', 'define'],
  graph: ['model', 'define'],
  dockerfile: ['model'],
  adopt: ['model', 'dockerfile', 'graph', 'plan'],
  incremental: ['model', 'disk'],
  observe: ['model', 'disk', 'incremental', 'dockerfile'],
  key: ['model'],
  plan: ['model', 'key'],
  schedule: ['model'],
  run: ['model', 'disk', 'incremental', 'observe', 'key', 'plan', 'schedule'],
  release: ['model', 'plan', 'run'],
  engine: ['model', 'disk', 'buildkit'],
  buildkit: ['model', 'disk'],
  registry: ['model'],
  cache: ['model', 'disk'],
  report: ['model'],
  draw: ['model', 'report'],
  page: ['model', 'report', 'draw'],
  serve: ['model'],
  doctor: ['model', 'engine'],
  app: [
    'model',
    'adopt',
    'disk',
    'load',
    'graph',
    'dockerfile',
    'incremental',
    'observe',
    'key',
    'plan',
    'schedule',
    'run',
    'release',
    'engine',
    'registry',
    'cache',
    'report',
    'draw',
    'doctor',
    'serve',
  ],
  cli: [
    'model',
    'disk',
    'graph',
    'key',
    'run',
    'release',
    'engine',
    'cache',
    'report',
    'draw',
    'doctor',
    'app',
  ],
};

interface Source {
  readonly file: string;
  readonly module: string;
  readonly text: string;
  readonly imports: readonly string[];
}

/** Type imports count too. */
function importsOf(text: string): string[] {
  const statements = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s*'([^']+)'|import\(\s*'([^']+)'\s*\)/g,
  );
  return [...statements].map((match) => (match[1] ?? match[2])!);
}

const sources: Source[] = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => {
    const text = readFileSync(path.join(src, file), 'utf8');
    return { file, module: file.split(path.sep)[0]!, text, imports: importsOf(text) };
  });

function resolve(source: Source, target: string): string {
  return path.relative(src, path.resolve(src, path.dirname(source.file), target));
}

function local(source: Source): string[] {
  return source.imports.filter((target) => target.startsWith('.')).map((target) => resolve(source, target));
}

const test = suite('architecture');

test('every file is in a known module', () => {
  assert.equal(
    [...new Set(sources.map((source) => source.module))].filter((module) => !(module in mayImport)),
    [],
  );
  assert.ok(sources.length > 30);
});

test('imports point one way', () => {
  const wrong = sources.flatMap((source) =>
    local(source)
      .filter((target) => !target.startsWith('..'))
      .map((target) => [source.module, target.split(path.sep)[0]!] as const)
      .filter(([from, to]) => from !== to && !mayImport[from]?.includes(to))
      .map(([from, to]) => `${source.file}: ${from} -> ${to}`),
  );
  assert.equal(wrong, []);
});

test('no import leaves src', () => {
  assert.equal(
    sources.flatMap((source) =>
      local(source)
        .filter((target) => target.startsWith('..'))
        .map(() => source.file),
    ),
    [],
  );
});

test('no cycle of files', () => {
  const graph = new Map(sources.map((source) => [source.file, local(source)]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path_: readonly string[]): void => {
    if (path_.includes(file)) cycles.push([...path_.slice(path_.indexOf(file)), file].join(' -> '));
    if (done.has(file) || path_.includes(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path_, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  assert.equal(cycles, []);
});

test('only the entry points, main and the reaper, touch the process; no file writes to the console', () => {
  const programs = ['main.ts', 'check-node.ts', 'reaper.ts'].map((file) => path.join('cli', file));
  const offences = sources.flatMap((source) => {
    const code = source.text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$|'[^'\n]*'/gm, '');
    const found = [
      ...code.matchAll(/\bconsole\.|process\.(exit|exitCode|env|argv|cwd|stdout|stderr|on)\b/g),
    ].map((match) => match[0]);
    return programs.includes(source.file) ? [] : found.map((what) => `${source.file}: ${what}`);
  });
  assert.equal(offences, []);
});

test('messages name commands of tasks in backticks or after "next: ", where the command line finds them', () => {
  const commands =
    'build|push|plan|why|test|watch|graph|list|reproduce|logs|lock|verify|clean|doctor|completion';
  const command = new RegExp(`.{0,6}\\btasks (?:${commands}|--help)\\b(?! of\\b)`, 'g');
  const isFound = (text: string): boolean => /(?:\\?`|\bnext: |'|\\n {2}|: )tasks /.test(text);
  const offences = sources
    .filter(({ module, file }) => module !== 'page' && !file.endsWith('examples.ts'))
    .flatMap(({ file, text }) => {
      const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
      return [...code.matchAll(command)]
        .filter(([each]) => !isFound(each))
        .map(([each]) => `${file}: ${each}`);
    });
  assert.equal(offences, []);
});

test('files stay small', () => {
  assert.equal(
    sources.filter((source) => source.text.split('\n').length > 400).map((source) => source.file),
    [],
  );
});

test('every test file runs its suites', () => {
  const tests = readdirSync(path.join(root, 'tests'), { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.test.ts'),
  );
  const forgotten = tests.filter((file) => {
    const text = readFileSync(path.join(root, 'tests', file), 'utf8');
    return (
      (text.match(/^(?:const|let) \w+ = suite[(<]/gm) ?? []).length >
      (text.match(/^\w+\.run\(\);$/gm) ?? []).length
    );
  });
  assert.equal(forgotten, []);
});

test.run();
