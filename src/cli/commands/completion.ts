import { type ExitCode, TasksError } from '../../model/errors.ts';
import { type ShellName, scripts, shells } from '../completion-scripts.ts';
import type { Context } from '../context.ts';

/** `tasks completion <shell>` prints a script for a shell; `tasks completion install [shell]` writes it to the shell's folder. */
export async function completion(context: Context, [first, second]: readonly string[]): Promise<ExitCode> {
  if (first !== 'install') {
    context.terminal.out(scripts[parseShell(first!)]);
    return 0;
  }
  const { installCompletion } = await import('../install-completion.ts');
  const { file, next } = await installCompletion(parseShell(second ?? loginShell(context)), context);
  context.terminal.out(`${file}\n`);
  context.terminal.err(`next: ${next}\n`);
  return 0;
}

/** @throws TasksError with exit code 2 */
function parseShell(name: string): ShellName {
  const shell = shells.find((each) => each === name);
  if (shell !== undefined) return shell;
  throw new TasksError(2, `"${name}" is not a shell that completion knows`, {
    hint: `expected one of ${shells.join(', ')}`,
  });
}

function loginShell({ host: { environment } }: Context): string {
  const name = (environment.SHELL ?? '').split('/').at(-1)!;
  if (name !== '') return name;
  throw new TasksError(2, 'SHELL is not set: it is unknown which shell you use', {
    hint: `name it: \`tasks completion install ${shells[0]}\``,
  });
}
