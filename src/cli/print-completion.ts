import { knownProfiles } from '../app/check-profile.ts';
import { TasksError } from '../model/errors.ts';
import { complete, type ProjectWords } from './complete.ts';
import { makeContext, openHere, type Shell } from './context.ts';
import type { ProjectFlags } from './typed-line.ts';
import { unquote } from './unquote.ts';

/**
 * `tasks complete SHELL -- WORD…`, which the scripts of completion-scripts.ts call: prints what completes the last word. Bash gives
 * words as they are on the line, and takes every candidate that is printed.
 */
export async function printCompletion(
  [shellName, , ...words]: readonly string[],
  shell: Shell,
): Promise<void> {
  const isBash = shellName === 'bash';
  const plain = isBash ? words.map(unquote) : words;
  const completion = await complete(plain, (flags) => readProject(flags, shell));
  if ('paths' in completion) return shell.terminal.out(`:${completion.paths}\n`);
  const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
  const lines = completion.candidates
    .filter(([word]) => !isBash || word.startsWith(plain.at(-1) ?? ''))
    .map(([word, description]) => (description === '' ? word : `${word}\t${oneLine(description)}`));
  shell.terminal.out(lines.map((line) => `${line}\n`).join(''));
}

/** Returns nothing if the definitions cannot be read: a tab reports no errors. */
async function readProject(flags: ProjectFlags, shell: Shell): Promise<ProjectWords> {
  try {
    const { graph, project } = await openHere(makeContext(shell, flags));
    const tasks = [...graph.tasks.values()].map(({ name, id, description = '' }) => ({
      name,
      id,
      description,
    }));
    return { tasks, profiles: knownProfiles(project) };
  } catch (error) {
    if (error instanceof TasksError) return { tasks: [], profiles: [] };
    throw error;
  }
}
