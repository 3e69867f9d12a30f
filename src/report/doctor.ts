import type { Paint } from './reporter.ts';

/** The result of one check of the machine. `remedy`: commands or advice, one line each. */
export interface CheckResult {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'missing';
  readonly detail: string;
  readonly remedy: readonly string[];
}

/** Formats check results in columns, each followed by its remedies, and a last line that says whether builds can run. */
export function checksText(results: readonly CheckResult[], paint: Paint): string[] {
  const width = Math.max(0, ...results.map(({ name }) => name.length));
  const marks = { ok: paint.good('✔'), warning: paint.warn('!'), missing: paint.bad('✖') };
  const indent = ' '.repeat(width + 4);
  const lines = results.flatMap(({ name, state, detail, remedy }) => [
    `${marks[state]} ${name.padEnd(width)}  ${detail.replaceAll('\n', `\n${indent}`)}`,
    ...remedy.map((line) => `${indent}${paint.dim(line)}`),
  ]);
  const missing = results.filter(({ state }) => state === 'missing').length;
  const verdict =
    missing === 0 ? paint.good('this machine can build') : paint.bad('this machine cannot build yet');
  return [...lines, '', verdict];
}
