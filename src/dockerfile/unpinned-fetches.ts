import type { ReachableInstruction } from './reachable-inputs.ts';

/** Something that an instruction fetches without fixing its version, so that a rebuild can give another result. */
export interface UnpinnedFetch {
  readonly line: number;
  readonly what: 'piped download' | 'package without version';
  readonly text: string;
}

/** The separators between the commands of a line. */
const separator = /([;&|])/;
const download = /\b(?:curl|wget)\b/;
/** A shell that runs a download, as in `curl … | sh`. */
const shell = /^\s*(?:sudo\s+)?(?:ba|z|da)?sh\b/;

interface PackageManager {
  readonly name: RegExp;
  readonly install: RegExp;
  /** Matches a package argument that fixes a version. */
  readonly version: RegExp;
}
const packageManagers: readonly PackageManager[] = [
  { name: /\bapt(?:-get)?\b/, install: /\binstall\b/, version: /=/ },
  { name: /\bapk\b/, install: /\badd\b/, version: /[=<>~]/ },
  { name: /\b(?:dnf|yum|microdnf)\b/, install: /\binstall\b/, version: /-\d/ },
  { name: /\bpip3?\b/, install: /\binstall\b/, version: /==|@|^[./]/ },
];

/** Finds unpinned fetches in RUN instructions, judging only by the text of the instructions. */
export function findUnpinnedFetches(instructions: readonly ReachableInstruction[]): UnpinnedFetch[] {
  return instructions.flatMap(({ line, text }) => {
    if (!text.startsWith('RUN')) return [];
    // Commands at even indexes, separators at odd ones.
    const parts = text.replace(/\s+/g, ' ').split(separator);
    const commands = parts.filter((_, index) => index % 2 === 0);
    const piped = parts.flatMap(
      (part, index) => findPipedDownload(part, parts[index + 1], parts[index + 2]) ?? [],
    );
    const unpinned = packageManagers.flatMap((manager) =>
      commands.flatMap((command) => findUnpinnedPackages(command, manager)),
    );
    return [
      ...piped.slice(0, 1).map((found): UnpinnedFetch => ({ line, what: 'piped download', text: found })),
      ...(unpinned.length === 0
        ? []
        : [{ line, what: 'package without version', text: unpinned.join(' ') } as const]),
    ];
  });
}

function findPipedDownload(command: string, mark: string | undefined, next = ''): string | undefined {
  const start = mark === '|' ? command.search(download) : -1;
  const runner = start < 0 ? null : shell.exec(next);
  return runner === null ? undefined : `${command.slice(start)}|${runner[0]}`;
}

function findUnpinnedPackages(command: string, { name, install, version }: PackageManager): string[] {
  const called = name.exec(command);
  const afterName = called === null ? '' : command.slice(called.index + called[0].length);
  const found = install.exec(afterName);
  if (found === null) return [];
  const words = afterName.slice(found.index + found[0].length);
  // The versions may be in a requirements file or in a variable.
  if (/(?:^|\s)(?:-r|--requirement|-c)\b|\$/.test(words)) return [];
  return words
    .split(' ')
    .filter((word) => /^[a-z0-9][\w.+:-]*/i.test(word))
    .filter((word) => !version.test(word));
}
