import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { TasksError } from '../model/errors.ts';
import type { GlobalFlags } from './flags.ts';
import type { Io } from './io.ts';
import { openProject } from './project.ts';

/**
 * Adds `completion <shell>`, which prints a script for a shell, and the hidden `complete` that those scripts call on every
 * tab. `words`: what stands on the line so far; undefined where a script is asked for.
 */
export async function addCompletion(
  program: Command,
  words: readonly string[] | undefined,
  io: Io,
): Promise<void> {
  const completion = tab(program, { completionCommandName: 'completion' });
  if (words === undefined) return;
  const names = await selectorsIn(flagsIn(words), io);
  for (const { arguments: positional } of completion.commands.values())
    for (const argument of positional.values()) {
      if (!['selectors', 'task', 'other'].includes(argument.name)) continue;
      argument.handler = (complete) => {
        for (const [name, description] of names) complete(name, description);
      };
    }
}

/** Names and tasks, each with what it is for. None where the definitions cannot be read: a tab is no place for errors. */
async function selectorsIn(flags: GlobalFlags, io: Io): Promise<Map<string, string>> {
  try {
    const { graph } = await openProject(flags, io);
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

/** `-C DIR` and `--profile NAME`, as far as they are written already. */
function flagsIn(words: readonly string[]): GlobalFlags {
  const after = (...names: string[]): string | undefined => {
    const at = words.findIndex((word) => names.includes(word));
    return at < 0 ? undefined : words[at + 1];
  };
  const directory = after('-C', '--directory');
  const profile = after('--profile');
  return { ...(directory ? { directory } : {}), ...(profile ? { profile } : {}) };
}
