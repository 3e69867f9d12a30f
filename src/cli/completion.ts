import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { TasksError } from '../model/errors.ts';
import { makeContext, openHere, type Shell } from './context.ts';
import type { SharedFlags } from './settings.ts';

/**
 * Adds `completion <shell>`, which prints a script for a shell, and the hidden `complete` that the script calls on every tab.
 * `words`: the words on the line so far; undefined if a script is asked for.
 */
export async function addCompletionCommands(
  program: Command,
  words: readonly string[] | undefined,
  shell: Shell,
): Promise<void> {
  const completion = tab(program, { completionCommandName: 'completion' });
  if (words === undefined) return;
  const names = await selectorsIn(projectFlags(words), shell);
  for (const { arguments: positional } of completion.commands.values())
    for (const argument of positional.values()) {
      if (!['selectors', 'task', 'other'].includes(argument.name)) continue;
      argument.handler = (complete) => {
        for (const [name, description] of names) complete(name, description);
      };
    }
}

/** Returns names and tasks with their descriptions; nothing if the definitions cannot be read: a tab reports no errors. */
async function selectorsIn(flags: SharedFlags, shell: Shell): Promise<Map<string, string>> {
  try {
    const { graph } = await openHere(makeContext(shell, flags));
    const tasks = [...graph.tasks.values()];
    return new Map([
      ...tasks.map(({ name, description = '' }) => [name, description] as const),
      ...tasks.map(({ id, description = '' }) => [id, description] as const),
    ]);
  } catch (error) {
    if (error instanceof TasksError) return new Map();
    throw error;
  }
}

/** Returns `-C DIR` and `--profile NAME`, if they are on the line already. */
function projectFlags(words: readonly string[]): SharedFlags {
  const after = (...names: string[]): string | undefined => {
    const at = words.findIndex((word) => names.includes(word));
    return at < 0 ? undefined : words[at + 1];
  };
  const directory = after('-C', '--directory');
  const profile = after('--profile');
  return { ...(directory ? { directory } : {}), ...(profile ? { profile } : {}) };
}
