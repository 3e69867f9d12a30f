import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readBuildLines } from '../adopt/read-make.ts';
import { type ForeignBuilds, ReadError } from '../adopt/target.ts';
import { TasksError } from '../model/errors.ts';
import type { Host } from './host.ts';
import { runProgram } from './run-program.ts';

/** `make -n` may call itself without an end. */
const makeLimits = { milliseconds: 60_000, lines: 100_000, level: 20 };

/** Reads what goals of a Makefile build by `make -n`, or a shell script line by line. @throws ReadError, TasksError */
export async function readMakefile(
  root: string,
  file: string,
  goals: readonly string[],
  host: Host,
  signal: AbortSignal,
): Promise<ForeignBuilds> {
  if (file.endsWith('.sh')) {
    const text = readFileSync(path.resolve(root, file), 'utf8');
    return readBuildLines(text, { file, root, isMake: false });
  }
  const ran = await runProgram(['make', '-n', '-w', '-f', file, ...goals], root, host, signal, makeLimits);
  if (ran.problem !== undefined) throw new ReadError(`make -n -f ${file}: ${ran.problem}`);
  if (ran.code === undefined) throw new TasksError(3, `reading ${file} needs make, which is not here`);
  if (ran.code !== 0) throw new ReadError(`make -n -f ${file} failed: ${ran.err.trim().split('\n').at(-1)}`);
  try {
    return readBuildLines(ran.out, { file: `make ${goals.join(' ')}`.trim(), root, isMake: true });
  } catch (error) {
    if (!(error instanceof ReadError) || error.message.includes('--from bake')) throw error;
    const others = goalsOf(readFileSync(path.resolve(root, file), 'utf8')).filter(
      (goal) => !goals.includes(goal),
    );
    const list = others.length === 0 ? '' : `; goals of ${file}: ${others.slice(0, 20).join(', ')}`;
    throw new TasksError(2, error.message, {
      hint: `name a goal that builds images: \`tasks init GOAL --from make\`${list}`,
    });
  }
}

/** Returns the goals that a Makefile names, without patterns. */
function goalsOf(text: string): string[] {
  return [...new Set([...text.matchAll(/^([A-Za-z0-9][\w./-]*)[ \t]*::?(?!=)/gm)].map(([, goal]) => goal!))];
}
