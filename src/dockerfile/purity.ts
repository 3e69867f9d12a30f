import type { SeenStep } from './analyse.ts';

/** Something in an instruction that can change without anything of ours changing. */
export interface Finding {
  readonly line: number;
  readonly what: 'piped download' | 'package without version';
  readonly text: string;
}

/** `curl … | sh`: what runs is whatever the other side sends that day. */
const piped = /\b(?:curl|wget)\b[^|;&]*\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b/;
/** The words behind an install command of a package manager, up to the command's end. */
const installs: readonly [RegExp, RegExp][] = [
  [/\bapt(?:-get)?\b[^;&|]*?\binstall\b([^;&|]*)/g, /=/],
  [/\bapk\b[^;&|]*?\badd\b([^;&|]*)/g, /[=<>~]/],
  [/\b(?:dnf|yum|microdnf)\b[^;&|]*?\binstall\b([^;&|]*)/g, /-\d/],
  [/\bpip3?\b[^;&|]*?\binstall\b([^;&|]*)/g, /==|@|^[./]/],
];

/** What the instructions that a target sees fetch loosely, as far as their own text tells. */
export function findLoose(steps: readonly SeenStep[]): Finding[] {
  return steps.flatMap(({ line, text }) => {
    if (!text.startsWith('RUN')) return [];
    const flat = text.replace(/\s+/g, ' ');
    const download = piped.exec(flat);
    const loose = installs.flatMap(([command, version]) => loosePackages(flat, command, version));
    return [
      ...(download === null ? [] : [{ line, what: 'piped download', text: download[0] } as const]),
      ...(loose.length === 0
        ? []
        : [{ line, what: 'package without version', text: loose.join(' ') } as const]),
    ];
  });
}

function loosePackages(text: string, command: RegExp, version: RegExp): string[] {
  return [...text.matchAll(command)].flatMap(([, words]) => {
    // A file of requirements or a list from elsewhere is not for this text to judge.
    if (/(?:^|\s)(?:-r|--requirement|-c)\b|\$/.test(words!)) return [];
    return words!
      .split(' ')
      .filter((word) => /^[a-z0-9][\w.+:-]*/i.test(word))
      .filter((word) => !version.test(word));
  });
}
