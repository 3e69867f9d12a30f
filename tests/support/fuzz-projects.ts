import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { otherPlatform } from './release.ts';
import { tempFolder } from './temp.ts';

/** A file (executable if `isProgram`), a link, or an empty folder. */
export type FileNode = { text: string; isProgram: boolean } | { link: string } | 'dir';

/** A project of one image, as data that fast-check can shrink. */
export interface ProjectState {
  readonly files: Readonly<Record<string, FileNode>>;
  readonly ignore: readonly string[];
  readonly stages: readonly {
    /** `before`: the stage before, or the base image in the first stage. */
    readonly from: 'base' | 'scratch' | 'before';
    /** What follows `--platform=`. */
    readonly platform?: string;
    readonly lines: readonly string[];
  }[];
  readonly args: Readonly<Record<string, string>>;
  /** The text before the first ARG. */
  readonly head?: string;
  /** The line ending of all lines; a line feed by default. */
  readonly lineEnd?: string;
  /** The prefix of the stage names; `s` by default. */
  readonly stageName?: string;
  /** The number of the stage to build; the last by default. */
  readonly target?: number;
  /** The platform of the image; that of this machine by default. */
  readonly platform?: string;
}

/** Returns the name of a stage. */
export function nameOfStage({ stageName = 's' }: ProjectState, index: number): string {
  return `${stageName}${index}`;
}

/**
 * Returns the text of the Dockerfile. Its base image is the build arg BASE; OWN_BASE and OTHER_BASE are the same for the platforms
 * that FROM asks for.
 */
export function dockerfileOf(state: ProjectState): string {
  const { stages, head = '', lineEnd = '\n' } = state;
  const text = stages.map(({ from, lines, platform }, index) => {
    const before = index > 0 ? nameOfStage(state, index - 1) : undefined;
    const origin =
      from === 'base' || (from === 'before' && before === undefined)
        ? baseFor(platform)
        : from === 'before'
          ? before
          : from;
    const usable = lines
      .filter((line) => before !== undefined || !/\$P\b|--from=[+0]/.test(line))
      .filter((line) => from !== 'scratch' || !/^(ONBUILD )?RUN/.test(line));
    const name = nameOfStage(state, index);
    const flag = platform === undefined ? '' : `--platform=${platform} `;
    return [
      `FROM ${flag}${origin} AS ${name}`,
      ...usable.map((line) => line.replace(/\$P\b/, before ?? '')),
    ].join('\n');
  });
  const bases = stages.some(({ platform }) => platform !== undefined) ? ' OWN_BASE OTHER_BASE' : '';
  return `${head}ARG BASE${bases}\n${text.join('\n\n')}\n`.replaceAll('\n', lineEnd);
}

function baseFor(platform: string | undefined): string {
  if (platform === otherPlatform) return '$OTHER_BASE';
  const isTarget = platform === undefined || platform.includes('TARGETPLATFORM');
  return isTarget ? '$BASE' : '$OWN_BASE';
}

/** Writes the project to a new folder, whose `c/` is the build context. Returns undefined if one file would be below another. */
export function writeProject(state: ProjectState): string | undefined {
  const root = tempFolder();
  const context = path.join(root, 'c');
  mkdirSync(context);
  for (const [name, node] of Object.entries(state.files)) {
    const file = path.join(context, name);
    try {
      mkdirSync(path.dirname(file), { recursive: true });
      if (node === 'dir') mkdirSync(file, { recursive: true });
      else if ('link' in node) symlinkSync(node.link, file);
      else {
        writeFileSync(file, node.text);
        chmodSync(file, node.isProgram ? 0o755 : 0o644);
      }
    } catch {
      return undefined;
    }
  }
  if (state.ignore.length > 0)
    writeFileSync(path.join(context, '.dockerignore'), `${state.ignore.join('\n')}\n`);
  writeFileSync(path.join(context, 'Dockerfile'), dockerfileOf(state));
  return root;
}
