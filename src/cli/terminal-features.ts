import type { Environment } from '../model/environment.ts';
import { TasksError } from '../model/errors.ts';
import type { TerminalFeatures } from '../report/terminal-status.ts';

/**
 * Returns what the terminal on standard error can show besides its screen. Any terminal has a title. A progress bar is only for
 * those that are known to have one: others show its control sequence as a notification.
 * @throws TasksError with exit code 2 for a wrong TASKS_TITLE
 */
export function terminalFeatures(environment: Environment, isCi: boolean): TerminalFeatures {
  const choice = readChoice(environment);
  if (choice === false || isCi || environment.TERM === 'dumb') return { title: false, progress: false };
  return { title: true, progress: choice === true || hasProgress(environment) };
}

function readChoice({ TASKS_TITLE: value = '' }: Environment): boolean | undefined {
  if (value === '') return undefined;
  if (value === '1' || value === 'true') return true;
  if (value === '0' || value === 'false') return false;
  throw new TasksError(2, `TASKS_TITLE is "${value}"`, {
    hint: 'expected 0 or false to leave the title of the terminal alone; 1 or true for a progress bar in any terminal',
  });
}

/** The terminals that cargo knows, too: iTerm2 3.6.6, WezTerm, ghostty, Windows Terminal, ConEmu and Ptyxis 48. */
function hasProgress(environment: Environment): boolean {
  const { TERM_FEATURES = '', TERM_PROGRAM = '', WT_SESSION, ConEmuANSI, PTYXIS_VERSION = '' } = environment;
  return (
    // A list of names that each begin with a capital letter (iterm2.com/feature-reporting); P is progress.
    /^(?:[A-Z][a-z0-9]*)*P(?![a-z0-9])/.test(TERM_FEATURES) ||
    ['WezTerm', 'ghostty'].includes(TERM_PROGRAM) ||
    Boolean(WT_SESSION) ||
    ConEmuANSI === 'ON' ||
    Number.parseInt(PTYXIS_VERSION, 10) >= 48
  );
}
