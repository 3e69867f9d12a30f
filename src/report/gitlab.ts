import type { CiMarks } from './grouped.ts';
import type { Write } from './reporter.ts';

/**
 * Returns the marks of GitLab CI: collapsible sections (docs.gitlab.com, "Custom collapsible sections"). `write` gets control
 * sequences; `now` returns seconds since 1970.
 */
export function gitlabMarks(write: Write, now: () => number): CiMarks {
  let count = 0;
  const section = (): string => `tasks_${process.pid}_${count}`;
  return {
    openGroup(title, isOpen) {
      count++;
      const options = isOpen ? '' : '[collapsed=true]';
      write(`\x1b[0Ksection_start:${now()}:${section()}${options}\r\x1b[0K${title}\n`);
      return true;
    },
    closeGroup: () => write(`\x1b[0Ksection_end:${now()}:${section()}\r\x1b[0K\n`),
  };
}
