import { appendFileSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { busybox } from './busybox.ts';
import { type ExampleCopy, exampleLabel } from './examples.ts';
import { tempFolder, writeFiles } from './temp.ts';
import { type Exchange, readTranscript } from './transcript.ts';

/** What a reader of a page does: writes a file, or runs commands. */
export type Action =
  | { readonly kind: 'file'; readonly name: string; readonly text: string }
  | { readonly kind: 'run'; readonly exchange: Exchange };

/** Returns what a reader of a page does, in its order. Files are blocks with a name: ```ts [tasks/images.ts]. */
export function readActions(page: string): Action[] {
  return [...page.matchAll(/^```(\w+)(?: \[(.+)\])?\n([\s\S]*?)^```$/gm)].flatMap(
    ([block, language, name, text]): Action[] => {
      if (name !== undefined) return [{ kind: 'file', name, text: text! }];
      if (language !== 'console') return [];
      return readTranscript(block).map((exchange) => ({ kind: 'run', exchange }));
    },
  );
}

/** Returns an empty folder in which `npx tasks` runs the built program, without the time that npm takes. */
export function emptyProject(): ExampleCopy {
  const root = tempFolder();
  const folder = path.join(root, 'project');
  mkdirSync(path.join(folder, 'node_modules'), { recursive: true });
  symlinkSync(path.resolve('.'), path.join(folder, 'node_modules/image-tasks'));
  writeFiles(root, {
    'bin/npx*': `#!/bin/sh\nshift\nexec '${process.execPath}' '${path.resolve('dist/tasks.js')}' "$@"\n`,
    'bin/busybox': { link: busybox() },
  });
  const PATH = `${root}/bin:${path.dirname(process.execPath)}:${process.env.PATH}`;
  const kept = ['HOME', 'DOCKER_HOST', 'DOCKER_CONFIG'].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { folder, env: { ...Object.fromEntries(kept), PATH, npm_command: 'exec' } };
}

/**
 * Writes a file of a page. Scripts are executable. Images get a label, so that they can be removed, and that pages do not find those
 * of each other.
 */
export function writePageFile({ folder }: ExampleCopy, page: string, name: string, text: string): void {
  writeFiles(folder, { [text.startsWith('#!') ? `${name}*` : name]: text });
  // At the end, so that the lines of the page keep their numbers.
  if (path.basename(name) === 'Dockerfile')
    appendFileSync(
      path.join(folder, name),
      `LABEL ${exampleLabel}=${process.pid} ${exampleLabel}.name=${path.basename(page)}\n`,
    );
}
