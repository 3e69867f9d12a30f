import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { exportBake } from '../../app/export-bake.ts';
import { type ExitCode, TasksError } from '../../model/errors.ts';
import { type Context, openHere, planOptions } from '../context.ts';

export interface ExportFlags {
  readonly output?: string;
}

/** `tasks export bake`: prints the plan as a bake file, or writes it. */
export async function exportPlan(
  context: Context,
  [format, ...selectors]: readonly string[],
  { output }: ExportFlags,
): Promise<ExitCode> {
  const { terminal, host, cwd } = context;
  if (format !== 'bake')
    throw new TasksError(2, `unknown format ${format}: expected bake`, { hint: '`tasks export bake`' });
  const { text, problems } = await exportBake(await openHere(context), planOptions(context, selectors), host);
  if (problems.length > 0)
    throw new TasksError(
      2,
      `bake cannot express all of this:\n${problems.map((each) => `  ${each}`).join('\n')}`,
      {
        hint: 'select other tasks: `tasks export bake SELECTOR`',
      },
    );
  if (output === undefined) terminal.out(text);
  else {
    const file = path.resolve(cwd, output);
    try {
      writeFileSync(file, text);
    } catch (error) {
      throw new TasksError(2, `cannot write ${output}: ${(error as Error).message}`, { cause: error });
    }
    terminal.err(`wrote ${output}; build it from the project's root: docker buildx bake -f ${output}\n`);
  }
  return 0;
}
