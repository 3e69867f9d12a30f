// Runs the tests: `npm test`, `npm test -- PATH…` (files, or folders below tests/). `--tests DIR` uses another folder.
// Each file runs in its own process, several at a time. A file passes only if it exits with 0 and its tally
// (tests/support/guard.ts) says that every registered test started and ended. The last line is `N passed, N failed`.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, stripVTControlCharacters } from 'node:util';
import { build } from 'esbuild';
import pLimit from 'p-limit';
import { missingTools } from './test-tools.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values: flags, positionals: patterns } = parseArgs({
  options: { tests: { type: 'string', default: path.join(root, 'tests') } },
  allowPositionals: true,
});
const tests = path.resolve(flags.tests);
/** A folder per process: a test of this script runs it, too. */
const bundles = path.join(root, `node_modules/.cache/tests-${process.pid}`);
const guard = path.join(root, 'tests/support/guard.ts');
const repeatedLines = 40;
const fileLimitMs = Number(process.env.TASKS_TEST_MINUTES ?? 20) * 60 * 1000;

const guardUvu = {
  name: 'guard-uvu',
  setup(builder) {
    builder.onResolve({ filter: /^uvu$/ }, ({ importer }) =>
      importer === guard ? { path: 'uvu', external: true } : { path: guard },
    );
    builder.onResolve({ filter: /^image-tasks$/ }, () => ({ path: path.join(root, 'src/define/index.ts') }));
  },
};

/** Returns the test files that the patterns name. A pattern that matches none is an error. */
function select() {
  const all = readdirSync(tests, { recursive: true })
    .filter((name) => /\.test\.(ts|js|mjs)$/.test(name))
    .sort()
    .map((name) => path.join(tests, name));
  if (patterns.length === 0) return all;
  const chosen = new Set();
  for (const pattern of patterns) {
    const wanted = path.resolve(root, pattern);
    const found = all.filter((file) => file === wanted || file.startsWith(`${wanted}${path.sep}`));
    if (found.length === 0) throw new Error(`"${pattern}" matches no test file (*.test.ts below tests/)`);
    for (const file of found) chosen.add(file);
  }
  return [...chosen];
}

function runFile(file, index) {
  const bundle = path.join(bundles, `${path.relative(tests, file)}`.replace(/\.(ts|mjs)$/, '.js'));
  const tallyFile = path.join(bundles, `tally-${index}.json`);
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--enable-source-maps', bundle], {
      cwd: root,
      env: { ...process.env, TASKS_TEST_TALLY: tallyFile },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: fileLimitMs,
      killSignal: 'SIGKILL',
    });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    child.on('close', (code, signal) => resolve(judge({ file, code, signal, output, tallyFile })));
  });
}

function judge({ file, code, signal, output, tallyFile }) {
  const tally = existsSync(tallyFile) ? JSON.parse(readFileSync(tallyFile, 'utf8')) : undefined;
  const faults = [...(tally?.faults ?? ['the file ended without a tally'])];
  if (tally !== undefined && tally.registered + tally.skipped.length === 0)
    faults.push('the file has no tests');
  if (signal !== null) faults.push(`ended by ${signal}`);
  else if (code !== 0 && !tally?.failed && faults.length === 0) faults.push(`exit code ${code}`);
  return {
    name: path.relative(root, file),
    output,
    faults,
    passed: tally?.passed ?? 0,
    failed: (tally?.failed ?? 0) + faults.length,
    skipped: tally?.skipped ?? [],
  };
}

function report(result) {
  const mark = result.failed > 0 ? '✖' : '✔';
  console.log(
    `${mark} ${result.name}  ${result.passed} passed${result.failed ? `, ${result.failed} failed` : ''}`,
  );
  for (const name of result.skipped) console.log(`  skipped: ${name}`);
  if (result.failed > 0) console.log(result.output.replace(/^/gm, '  │ '));
  for (const fault of result.faults) console.log(`  fault: ${fault}`);
}

/** Repeats what failed below everything else, for whoever has only the end of a long log. */
function repeatFailures(failed) {
  for (const { name, output, faults } of failed) {
    const lines = stripVTControlCharacters(output)
      .split('\n')
      .filter((line) => line.trim() !== '');
    const start = lines.findIndex((line) => /^ *FAIL /.test(line));
    const shown = start < 0 ? lines.slice(-repeatedLines) : lines.slice(start, start + repeatedLines);
    console.log(`\n✖ ${name}`);
    for (const line of shown) console.log(`  │ ${line}`);
    for (const fault of faults) console.log(`  fault: ${fault}`);
  }
}

async function main() {
  const files = select();
  mkdirSync(bundles, { recursive: true });
  await build({
    entryPoints: files,
    outdir: bundles,
    outbase: tests,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    sourcemap: 'linked',
    plugins: [guardUvu],
    logLevel: 'warning',
  });
  const limit = pLimit(availableParallelism());
  const results = await Promise.all(
    files.map((file, index) =>
      limit(async () => {
        const result = await runFile(file, index);
        report(result);
        return result;
      }),
    ),
  );
  const sum = (count) => results.reduce((total, result) => total + count(result), 0);
  const [passed, failed, skipped] = [
    sum((r) => r.passed),
    sum((r) => r.failed),
    sum((r) => r.skipped.length),
  ];
  repeatFailures(results.filter((result) => result.failed > 0));
  const nothing = passed + failed === 0;
  if (nothing) console.log('no test ran');
  const missing = skipped > 0 ? missingTools() : [];
  if (missing.length > 0)
    console.log(
      `missing tools: ${missing.join(', ')}. Tests that need them are skipped; run \`npm run test:tools\``,
    );
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return failed > 0 || nothing ? 1 : 0;
}

process.exitCode = await main()
  .catch((error) => {
    console.error(error.message);
    console.log('0 passed, 1 failed');
    return 1;
  })
  .finally(() => rmSync(bundles, { recursive: true, force: true }));
