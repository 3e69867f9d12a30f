import type { ReachableInstruction } from './analyze.ts';

/** Something in an instruction that can change without anything of ours changing. */
export interface UnpinnedFetch {
  readonly line: number;
  readonly what: 'piped download' | 'package without version';
  readonly text: string;
}

/** What parts the commands of a line. */
const commandEnd = /([;&|])/;
const download = /\b(?:curl|wget)\b/;
/** `curl … | sh`: what runs is whatever the other side sends that day. */
const shell = /^\s*(?:sudo\s+)?(?:ba|z|da)?sh\b/;

/** A package manager, its install command, and what in a package's name says which version. */
interface Manager {
  readonly name: RegExp;
  readonly install: RegExp;
  readonly version: RegExp;
}
const managers: readonly Manager[] = [
  { name: /\bapt(?:-get)?\b/, install: /\binstall\b/, version: /=/ },
  { name: /\bapk\b/, install: /\badd\b/, version: /[=<>~]/ },
  { name: /\b(?:dnf|yum|microdnf)\b/, install: /\binstall\b/, version: /-\d/ },
  { name: /\bpip3?\b/, install: /\binstall\b/, version: /==|@|^[./]/ },
];

/** What the instructions that a target sees fetch loosely, as far as their own text tells. */
export function findUnpinnedFetches(steps: readonly ReachableInstruction[]): UnpinnedFetch[] {
  return steps.flatMap(({ line, text }) => {
    if (!text.startsWith('RUN')) return [];
    // Commands, and between each two what parts them.
    const parts = text.replace(/\s+/g, ' ').split(commandEnd);
    const commands = parts.filter((_, index) => index % 2 === 0);
    const piped = parts.flatMap(
      (part, index) => pipedDownload(part, parts[index + 1], parts[index + 2]) ?? [],
    );
    const loose = managers.flatMap((manager) =>
      commands.flatMap((command) => loosePackages(command, manager)),
    );
    return [
      ...piped.slice(0, 1).map((found): UnpinnedFetch => ({ line, what: 'piped download', text: found })),
      ...(loose.length === 0
        ? []
        : [{ line, what: 'package without version', text: loose.join(' ') } as const]),
    ];
  });
}

function pipedDownload(command: string, mark: string | undefined, next = ''): string | undefined {
  const start = mark === '|' ? command.search(download) : -1;
  const taker = start < 0 ? null : shell.exec(next);
  return taker === null ? undefined : `${command.slice(start)}|${taker[0]}`;
}

function loosePackages(command: string, { name, install, version }: Manager): string[] {
  const called = name.exec(command);
  const behind = called === null ? '' : command.slice(called.index + called[0].length);
  const found = install.exec(behind);
  if (found === null) return [];
  const words = behind.slice(found.index + found[0].length);
  // A file of requirements or a list from elsewhere is not for this text to judge.
  if (/(?:^|\s)(?:-r|--requirement|-c)\b|\$/.test(words)) return [];
  return words
    .split(' ')
    .filter((word) => /^[a-z0-9][\w.+:-]*/i.test(word))
    .filter((word) => !version.test(word));
}
