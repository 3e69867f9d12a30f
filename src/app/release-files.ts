import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { checkChosenFile, makeFolder } from '../disk/chosen-file.ts';
import { writeFileAtomic } from '../disk/write.ts';
import { TasksError } from '../model/errors.ts';
import { parseReleaseFile, type ReleaseFile } from '../release/release-file.ts';

/** Returns the path below `.cache` of the release file of a push that started at this time. */
export function releasePath(cacheFolder: string, started: Date): string {
  // To the millisecond: a script may push twice a second.
  const stamp = started.toISOString().replace(/\D/g, '').slice(0, 17);
  return path.join(releaseFolder(cacheFolder), `${stamp}.json`);
}

/** Returns the release files below `.cache`. @throws TasksError with exit code 2 for a damaged one */
export function readOwnReleases(cacheFolder: string): ReleaseFile[] {
  const folder = releaseFolder(cacheFolder);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return names.map((name) => readReleaseFile(path.join(folder, name)));
}

function releaseFolder(cacheFolder: string): string {
  return path.join(cacheFolder, 'releases');
}

/** Where a push writes its release file; absolute paths. */
export interface ReleaseFilePlace {
  /** Where the user wants it; undefined: below `.cache`. */
  readonly output: string | undefined;
  readonly fallback: string;
}

/**
 * Checks that a release file can be written before anything is pushed. An existing file keeps its content; a new file is not
 * left behind.
 * @throws TasksError with exit code 2 for a file that the user named, otherwise 3
 */
export function checkWritable({ output, fallback }: ReleaseFilePlace): void {
  const file = output ?? fallback;
  try {
    checkChosenFile(file);
  } catch (error) {
    const isChosen = output !== undefined;
    const what = isChosen ? '--output' : 'the release file';
    throw new TasksError(isChosen ? 2 : 3, `cannot write ${what}: ${(error as Error).message}`, {
      hint: 'nothing was pushed; `--output FILE` writes the release file elsewhere',
      cause: error,
    });
  }
}

/**
 * Writes the release file of what is already published, below `.cache` if the chosen place fails. Returns its path.
 * @throws TasksError with exit code 3 if it is not where the user wants it
 */
export function saveRelease(release: ReleaseFile, { output, fallback }: ReleaseFilePlace): string {
  const text = `${JSON.stringify(release, undefined, 2)}\n`;
  const save = (file: string): string => {
    makeFolder(path.dirname(file));
    // Others read our own folder at any time. A path that a user chose may be a link or a device.
    if (file === fallback) writeFileAtomic(file, text);
    else writeFileSync(file, text);
    return file;
  };
  try {
    return save(output ?? fallback);
  } catch (error) {
    const message = `everything is published, but the release file cannot be written: ${(error as Error).message}`;
    try {
      save(fallback);
    } catch {
      // The first error is the one to report.
      throw new TasksError(3, message, {
        hint: 'push again with another --output; nothing is uploaded twice',
        cause: error,
      });
    }
    throw new TasksError(3, message, { hint: `the release file is ${fallback}`, cause: error });
  }
}

/** Reads a release file. `shownAs`: how messages name it. @throws TasksError with exit code 2 */
export function readReleaseFile(file: string, shownAs = file): ReleaseFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new TasksError(2, `cannot read the release file: ${(error as Error).message}`, {
      hint: '`tasks push --release` writes one and prints its path',
    });
  }
  return parseReleaseFile(text, shownAs);
}
