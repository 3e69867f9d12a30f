import type { Paint } from './reporter.ts';

/** One verdict on the machine. */
export interface CheckResult {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'missing';
  readonly detail: string;
  readonly remedy: readonly string[];
}

/** Verdicts in columns, each with its remedies below it. */
export function checksText(verdicts: readonly CheckResult[], paint: Paint): string[] {
  const width = Math.max(0, ...verdicts.map(({ name }) => name.length));
  const marks = { ok: paint.good('✔'), warning: paint.warn('!'), missing: paint.bad('✖') };
  const lead = ' '.repeat(width + 4);
  const lines = verdicts.flatMap(({ name, state, detail, remedy }) => [
    `${marks[state]} ${name.padEnd(width)}  ${detail.replaceAll('\n', `\n${lead}`)}`,
    ...remedy.map((line) => `${lead}${paint.dim(line)}`),
  ]);
  const missing = verdicts.filter(({ state }) => state === 'missing').length;
  const end =
    missing === 0 ? paint.good('this machine can build') : paint.bad('this machine cannot build yet');
  return [...lines, '', end];
}
