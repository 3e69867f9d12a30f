import { adviceFor } from './cause-advice.ts';
import { failureTitle, lastLines } from './failures.ts';
import type { CiMarks } from './grouped.ts';
import type { Write } from './reporter.ts';
import { disarmCiCommands } from './sanitize.ts';

/** How many lines of output an annotation has. */
const maxLines = 10;

/** Returns the marks of GitHub Actions: groups, which are always closed at first, and annotations. `write` gets workflow commands. */
export function githubMarks(write: Write): CiMarks {
  const run = (name: string, properties: Readonly<Record<string, string | number>>, text: string): void => {
    const list = Object.entries(properties).map(([key, value]) => `${key}=${escapeProperty(String(value))}`);
    // Older commands, `##[name]`, are found anywhere in a line.
    const safe = escapeText(text);
    write(`::${name}${list.length > 0 ? ` ${list.join(',')}` : ''}::${safe}\n`);
  };
  return {
    openGroup(title, isOpen) {
      if (isOpen) return false;
      run('group', {}, title);
      return true;
    },
    closeGroup: () => run('endgroup', {}, ''),
    annotate({ id, error }) {
      const { file, line, endLine, message } = error;
      const advice = adviceFor(error.cause);
      const text = [
        failureTitle(error),
        ...message.split('\n').slice(1),
        ...(advice === undefined ? [] : [advice]),
        ...lastLines(error, maxLines),
      ].join('\n');
      run(
        'error',
        {
          ...(file === undefined ? {} : { file }),
          ...(line === undefined ? {} : { line }),
          ...(endLine === undefined ? {} : { endLine }),
          title: id,
        },
        text,
      );
    },
  };
}

/**
 * Escapes the text of a workflow command (`escapeData` in actions/toolkit, packages/core/src/command.ts). The text may come from a
 * build, and must not be a command of the other form itself.
 */
function escapeText(text: string): string {
  return disarmCiCommands(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** Escapes a property of a workflow command (`escapeProperty` in the same file). */
function escapeProperty(text: string): string {
  return escapeText(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
